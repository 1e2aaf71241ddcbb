"""Writes what its LoRAs hold, one after another; 20 ms a step."""

from __future__ import annotations

import time
from pathlib import Path

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.generator.engines import Loaded


class Copies(Loaded):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        for step in range(1, request.steps + 1):
            time.sleep(0.02)
            report("denoise", step, request.steps)
        output.write_bytes(b"".join(Path(lora.path).read_bytes() for lora in request.loras))


def create(*, model: str, device: str, precision: str) -> Engine:
    return Copies()
