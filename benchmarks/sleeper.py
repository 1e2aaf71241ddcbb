"""An engine that sleeps a step long for each step, and writes as many bytes as the prompt says."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine

STEP_SECONDS = 0.05


class Sleeper:
    """Uses no core, so that what is measured is what lies around it."""

    device = "cpu"
    dtype = "float32"
    limits = ModelLimits()
    memory_bytes = 0

    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        """Writes a file of ``prompt`` bytes; a prompt that is no number is written itself."""
        for step in range(1, request.steps + 1):
            time.sleep(STEP_SECONDS)
            report("denoise", step, request.steps)
        asked = request.prompt
        output.write_bytes(bytes(int(asked)) if asked.isdigit() else asked.encode())


def create(**_: Any) -> Engine:
    """An engine factory that loads nothing."""
    return Sleeper()
