"""Refuses whatever it is asked for."""

from __future__ import annotations

from pathlib import Path

from generator.contract.errors import RequestError
from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.generator.engines import Loaded


class Fails(Loaded):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        raise RequestError("That can't be drawn.")


def create(*, model: str, device: str, precision: str) -> Engine:
    return Fails()
