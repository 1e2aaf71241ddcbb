"""How a job can end for the worker that had it, as the job service hears it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from generator.contract.messages import Cancelled, Failed


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A job's file, which is here: ``path`` is on the bot's machine, wherever it was made.

    ``gpu_peak_bytes`` and ``gpu_bytes`` are as ``Finished`` has them.
    """

    job_id: str
    attempt: int
    path: Path
    seconds: float  # that the worker took
    size_bytes: int
    gpu_peak_bytes: int = 0
    gpu_bytes: int = 0


JobOutcome = MadeFile | Failed | Cancelled
