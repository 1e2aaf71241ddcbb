"""Holds 300 MB more after each job."""

from __future__ import annotations

from pathlib import Path

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.generator.engines import Loaded

_kept: list[bytes] = []


class Grows(Loaded):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        _kept.append(b"x" * 300 * 2**20)
        output.write_text(request.prompt, encoding="utf-8")


def create(*, model: str, device: str, precision: str) -> Engine:
    return Grows()
