"""Makes half of its steps, then waits until the file named by ``TESTS_GO_FILE`` is there."""

from __future__ import annotations

import os
import time
from pathlib import Path

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.generator.engines import Loaded


class Waits(Loaded):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        go = Path(os.environ["TESTS_GO_FILE"])
        for step in range(1, request.steps + 1):
            while step == request.steps // 2 and not go.exists():
                report("denoise", step, request.steps)
                time.sleep(0.02)
            report("denoise", step, request.steps)
        output.write_text(request.prompt, encoding="utf-8")


def create(*, model: str, device: str, precision: str) -> Engine:
    return Waits()
