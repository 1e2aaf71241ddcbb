"""The log of a training, ``log.jsonl`` beside its checkpoints, and its sums for the model card.

A stage that goes on from a checkpoint takes back the lines after it: a killed training leaves the
log of an unbroken one.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

FILE = "log.jsonl"
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RunLog:
    """The lines of one stage in the log of ``directory``."""

    directory: Path
    stage: str

    def add(self, step: int, loss: float, seconds: float) -> None:
        """Add the mean loss of the last steps, and the processor seconds up to here."""
        log.info("%s step %d loss %.5f, %.0f processor seconds", self.stage, step, loss, seconds)
        self._append({"stage": self.stage, "step": step, "loss": loss, "seconds": round(seconds)})

    def finish(self, steps: int, seconds: float) -> None:
        """Say that the stage is at its end."""
        log.info("%s took %.0f processor seconds for %d steps", self.stage, seconds, steps)
        self._append({"stage": self.stage, "step": steps, "seconds": round(seconds), "end": True})

    def forget_after(self, step: int) -> None:
        """Take back what was logged after the step of the checkpoint that is gone on from."""
        kept = [
            line
            for line in read(self.directory)
            if line["stage"] != self.stage or (line["step"] <= step and "end" not in line)
        ]
        text = "".join(json.dumps(line) + "\n" for line in kept)
        self.directory.mkdir(parents=True, exist_ok=True)
        unfinished = self.directory / f"{FILE}.tmp"
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(self.directory / FILE)

    def _append(self, line: Line) -> None:
        with (self.directory / FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def read(directory: Path) -> list[Line]:
    """Return the lines of a training's log; a last one that was cut off is left out."""
    path = directory / FILE
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines]


def sums(directory: Path) -> Iterator[str]:
    """Yield the log's sums as a Markdown table: each stage's steps, time and losses."""
    by_stage: dict[str, list[Line]] = {}
    for line in read(directory):
        by_stage.setdefault(line["stage"], []).append(line)
    yield "| stage | steps | loss at first | at last | processor hours |"
    yield "|---|---|---|---|---|"
    for stage, lines in by_stage.items():
        losses = [line["loss"] for line in lines if "loss" in line]
        ends = (f"{losses[0]:.4f}", f"{losses[-1]:.4f}") if losses else ("", "")
        hours = lines[-1]["seconds"] / 3600
        yield f"| {stage} | {lines[-1]['step']} | {' | '.join(ends)} | {hours:.2f} |"
    total = sum(lines[-1]["seconds"] for lines in by_stage.values()) / 3600
    yield f"| all | | | | {total:.2f} |"
