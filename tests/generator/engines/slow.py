"""Takes 20 ms a step, so that there is a middle to cancel or to be killed in."""

from __future__ import annotations

import time
from pathlib import Path

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.generator.engines import Loaded


class Slow(Loaded):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        for step in range(1, request.steps + 1):
            time.sleep(0.02)
            report("denoise", step, request.steps)
        output.write_text(request.prompt, encoding="utf-8")


def create(*, model: str, device: str, precision: str) -> Engine:
    return Slow()
