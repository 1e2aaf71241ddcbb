"""How a job can end for the worker that had it, as the job service hears it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from generator.contract.messages import Cancelled, Failed


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A job's file, which is here: ``path`` is on the bot's machine, wherever it was made."""

    job_id: str
    attempt: int
    path: Path
    seconds: float  # that the worker took
    size_bytes: int


JobOutcome = MadeFile | Failed | Cancelled
