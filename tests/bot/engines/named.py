"""Writes which model it holds; one that is called ``broken`` can't be loaded, ``huge`` kills it."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from generator.contract.errors import ModelError
from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.generator.engines import Loaded


class Named(Loaded):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        report("denoise", 1, 1)
        output.write_text(f"{os.getpid()}", encoding="utf-8")


def create(*, model: str, **settings: Any) -> Engine:
    del settings
    if model.endswith("broken"):
        raise ModelError("The weights are damaged; fetch them again.")
    if model.endswith("huge"):
        os.kill(os.getpid(), signal.SIGKILL)
    return Named()
