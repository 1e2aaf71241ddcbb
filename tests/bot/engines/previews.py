"""Shows a preview from the second step on, another from the fourth; 0.4 s a step."""

from __future__ import annotations

import time
from pathlib import Path

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.generator.engines import Loaded


class Previews(Loaded):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        shown = ""
        for step in range(1, request.steps + 1):
            time.sleep(0.4)
            if step in (2, 6):
                Path(shown).unlink(missing_ok=True) if shown else None
                shown = str(output.with_name(f"{output.stem}.preview-{step}.webp"))
                Path(shown).write_text(f"preview at {step}", encoding="utf-8")
            report("denoise", step, request.steps, shown)
        Path(shown).unlink(missing_ok=True)
        output.write_text(request.prompt, encoding="utf-8")


def create(*, model: str, device: str, precision: str) -> Engine:
    return Previews()
