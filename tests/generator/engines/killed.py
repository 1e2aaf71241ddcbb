"""Is killed by the system in the middle of every job, as the out-of-memory killer would."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.generator.engines import Loaded


class Killed(Loaded):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        report("denoise", 1, request.steps)
        os.kill(os.getpid(), signal.SIGKILL)


def create(*, model: str, device: str, precision: str) -> Engine:
    return Killed()
