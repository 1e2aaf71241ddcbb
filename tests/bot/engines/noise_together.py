"""Computes requests together as noise, which takes a while to be written into a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.contract.raw_clip import RawClip
from generator.worker.engine import Engine, EngineJob
from tests.generator.engines import Loaded
from tests.generator.engines.clips import noise

_FRAMES, _EDGE = 16, 256


class NoiseTogether(Loaded):
    batch_pixels = 10**9

    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> RawClip:
        del output
        report("denoise", request.steps, request.steps)
        return _clip("alone")

    def generate_together(self, jobs: Sequence[EngineJob]) -> None:
        for job in jobs:
            job.report("denoise", job.request.steps, job.request.steps)
        for job in jobs:
            job.made_callback(_clip(f"one of {len(jobs)}"))


def _clip(how: str) -> RawClip:
    return replace(noise(_FRAMES, _EDGE), comment=how)


def create(**settings: Any) -> Engine:
    del settings
    return NoiseTogether()
