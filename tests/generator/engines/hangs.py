"""Starts, then never says another word."""

from __future__ import annotations

import threading
from pathlib import Path

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.generator.engines import Loaded


class Hangs(Loaded):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        threading.Event().wait()


def create(*, model: str, device: str, precision: str) -> Engine:
    return Hangs()
