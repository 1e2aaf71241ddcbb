"""An engine that keeps every core busy for a fixed time and notes when it worked."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine

STEP_SECONDS = 0.05
_EDGE = 768


class Busy:
    """``steps`` times ``STEP_SECONDS`` of matrix products, on as many threads as BLAS takes."""

    device = "cpu"
    dtype = "float32"
    limits = ModelLimits()
    memory_bytes = 0

    def __init__(self) -> None:
        self._matrix = np.random.default_rng(0).random((_EDGE, _EDGE), dtype=np.float32)

    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        """Writes, instead of a GIF, when it began and ended (monotonic seconds)."""
        began = time.monotonic()
        for step in range(1, request.steps + 1):
            until = time.monotonic() + STEP_SECONDS
            while time.monotonic() < until:
                np.dot(self._matrix, self._matrix)
            report("denoise", step, request.steps)
        output.write_text(json.dumps({"began": began, "ended": time.monotonic()}))


def create(*, model: str, device: str, precision: str) -> Engine:
    """An engine factory that loads nothing."""
    del model, device, precision
    return Busy()
