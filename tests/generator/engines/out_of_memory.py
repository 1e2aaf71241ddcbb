"""Has no room for anything larger than 64 pixels: the device's memory, or the machine's own."""

from __future__ import annotations

from pathlib import Path

from generator.contract.errors import OutOfMemoryError
from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.generator.engines.fast import Fast


class OutOfMemory(Fast):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        if request.width > 128:
            raise MemoryError
        if request.width > 64:
            raise OutOfMemoryError("There is no room for this; ask for a smaller size.")
        super().generate(request, output, report)


def create(*, model: str, device: str, precision: str) -> Engine:
    return OutOfMemory()
