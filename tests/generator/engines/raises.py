"""Fails a job whose prompt says so, in each way an engine can; makes the others."""

from __future__ import annotations

import errno
from pathlib import Path

from generator.contract.errors import (
    MediaError,
    ModelError,
    OutOfMemoryError,
    OutputError,
    RequestError,
)
from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.generator.engines.fast import Fast

ERRORS = {
    "bad request": RequestError("The width must be a multiple of 8."),
    "no model": ModelError("There is no LoRA ink; give a file."),
    "bad media": MediaError("The control GIF can't be read."),
    "no room": OutOfMemoryError("There is no room for this; ask for a smaller size."),
    "torch has no room": RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    "disk full": OSError(errno.ENOSPC, "No space left on device"),
    "quota": OSError(errno.EDQUOT, "Disk quota exceeded"),
    "bug": ZeroDivisionError("secret detail"),
}


class Raises(Fast):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        if request.prompt in ERRORS:
            raise ERRORS[request.prompt]
        if request.prompt == "cannot write":
            raise OutputError(f"{output} can't be written; write somewhere else.")
        if request.prompt != "no file":
            super().generate(request, output, report)


def create(*, model: str, device: str, precision: str) -> Engine:
    return Raises()
