"""An engine that behaves as a job's first word says, as one of the doubles."""

from __future__ import annotations

import time
from pathlib import Path

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.contract.raw_clip import RawClip
from generator.worker.engine import Engine
from tests.generator.engines import Loaded, clips, floods_events, hangs, killed, slow

SLOW, CLIPS, LONG = "slow", "clips", "long"
FACTORIES = {
    SLOW: slow.create,
    CLIPS: clips.create,
    "floods_events": floods_events.create,
    "hangs": hangs.create,
    "killed": killed.create,
}


class AsAsked(Loaded):
    def generate(
        self, request: Request, output: Path, report: JobProgressCallback
    ) -> RawClip | None:
        word = request.prompt.partition(" ")[0]
        if word == LONG:
            _take_long(request, output, report)
            return None
        factory = FACTORIES[word]
        engine = factory(model="", device=self.device, precision=self.dtype)
        return engine.generate(request, output, report)


def create(*, model: str, device: str, precision: str) -> Engine:
    return AsAsked()


def _take_long(request: Request, output: Path, report: JobProgressCallback) -> None:
    """Take a fifth of a second for each step: long enough for a cable to be pulled out in it."""
    for step in range(1, request.steps + 1):
        time.sleep(0.2)
        report("denoise", step, request.steps)
    output.write_text(request.prompt, encoding="utf-8")
