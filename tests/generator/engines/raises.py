"""Fails a job whose prompt says so, in each way an engine can; makes the others."""

from __future__ import annotations

from pathlib import Path

from generator.contract.errors import RequestError
from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.generator.engines.fast import Fast


class Raises(Fast):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        match request.prompt:
            case "bad request":
                raise RequestError("The width must be a multiple of 8.")
            case "bug":
                raise ZeroDivisionError("secret detail")
            case "no file":
                return
        super().generate(request, output, report)


def create(*, model: str, device: str, precision: str) -> Engine:
    return Raises()
