"""The real engine, which waits after each step until anybody has seen how far it is."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.contract.raw_clip import RawClip
from generator.contract.stages import DENOISE
from generator.inference import hotshot_engine
from generator.worker.engine import Engine

_WAIT_SECONDS = 0.5  # nano has few steps: a preview is due before they are over


class Unhurried:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.device, self.dtype = engine.device, engine.dtype
        self.limits, self.memory_bytes = engine.limits, engine.memory_bytes

    def generate(
        self, request: Request, output: Path, report: JobProgressCallback
    ) -> RawClip | None:
        def slowly(stage: str, step: int, steps: int, preview: RawClip | None = None) -> None:
            report(stage, step, steps, preview)
            if stage == DENOISE:
                time.sleep(_WAIT_SECONDS)

        return self._engine.generate(request, output, slowly)


def create(**settings: Any) -> Engine:
    return Unhurried(hotshot_engine.create(**settings))
