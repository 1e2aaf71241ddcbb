"""Says each stage as a real engine does, and fails where it is asked to, with the prompt in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.generator.engines import Loaded

STAGES = ("encode_prompt", "draw_noise", "denoise", "decode", "to_frames", "save")


@dataclass(frozen=True, slots=True)
class Staged(Loaded):
    """On a GPU, as far as its word goes."""

    memory_bytes: int = 24 * 2**30

    def take_gpu_peak(self) -> int:
        return 7 * 2**30

    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        for stage in STAGES:
            report(stage, 1, 1)
        if "explode" in request.prompt:
            raise ValueError(f"no way to make {request.prompt!r}")
        output.write_bytes(b"a GIF")


def create(*, model: str, device: str, precision: str) -> Engine:
    return Staged()
