"""An engine that behaves as a job's first word says, as one of the doubles."""

from __future__ import annotations

from pathlib import Path

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.contract.raw_clip import RawClip
from generator.worker.engine import Engine
from tests.generator.engines import Loaded, clips, floods_events, hangs, killed, slow

SLOW, CLIPS = "slow", "clips"
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
        factory = FACTORIES[request.prompt.partition(" ")[0]]
        engine = factory(model="", device=self.device, precision=self.dtype)
        return engine.generate(request, output, report)


def create(*, model: str, device: str, precision: str) -> Engine:
    return AsAsked()
