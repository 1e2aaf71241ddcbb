"""Reports far more than anybody reads: more than a pipe holds."""

from __future__ import annotations

from pathlib import Path

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.generator.engines import Loaded

FLOOD = 5000


class FloodsEvents(Loaded):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        for step in range(1, FLOOD + 1):
            report("denoise", step, FLOOD)
        output.write_text(request.prompt, encoding="utf-8")


def create(*, model: str, device: str, precision: str) -> Engine:
    return FloodsEvents()
