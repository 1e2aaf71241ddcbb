"""Makes files of 4 MiB, more than a channel may take."""

from __future__ import annotations

from pathlib import Path

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.generator.engines import Loaded


class Large(Loaded):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        output.write_bytes(b"x" * 4 * 2**20)


def create(*, model: str, device: str, precision: str) -> Engine:
    return Large()
