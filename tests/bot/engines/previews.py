"""Shows a preview from the second step on, another from the sixth; 0.4 s a step."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.contract.raw_clip import RawClip
from generator.worker.engine import Engine
from tests.generator.engines import Loaded


class Previews(Loaded):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        for step in range(1, request.steps + 1):
            time.sleep(0.4)
            report("denoise", step, request.steps, _look(step) if step in (2, 6) else None)
        output.write_text(request.prompt, encoding="utf-8")


def _look(step: int) -> RawClip:
    """Two frames as grey as the step is late."""
    return RawClip(np.full((2, 16, 16, 3), step * 20, np.uint8).data, 500, quality=60)


def create(*, model: str, device: str, precision: str) -> Engine:
    return Previews()
