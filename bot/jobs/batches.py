"""Jobs that a worker computes together: which ones go together, and how long that takes.

Together are jobs of one person that differ in their seeds alone, and of which none was in the hands
of a worker that died: such a one is made alone, lest it takes the others along again.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.jobs.cost_model import Estimate
from bot.storage.models import Job, State

_REMEMBERED = 5  # batches of a kind, whose median counts
_ENOUGH = 3  # of them tell whether it pays
_PAYS = 0.95  # of the time that one after the other takes

Kind = tuple[str, int]
"""A device, and the pixels of all frames of a clip."""


def go_together(job: Job, other: Job) -> bool:
    """Return whether a worker may compute a job together with one that is about to start."""
    return (
        other.state is State.QUEUED
        and job.user_id == other.user_id
        and not (job.crashes or other.crashes)
        and job.origin.suffix == other.origin.suffix
        and job.request == replace(other.request, seed=job.request.seed)
    )


@dataclass(slots=True)
class _Batch:
    """Jobs under way together. ``longest`` is the most that one took beside what it takes alone."""

    kind: Kind
    size: int
    left: int
    longest: float = 0.0
    is_whole: bool = True


@dataclass(slots=True)
class BatchPace:
    """Knows what is computed together now, and how long that took the last times."""

    _batches: dict[str, _Batch] = field(default_factory=dict)  # by job
    _shares: dict[Kind, deque[float]] = field(default_factory=dict)

    def begin(self, job_ids: Sequence[str], kind: Kind) -> None:
        """Note that these jobs are computed together."""
        batch = _Batch(kind, len(job_ids), len(job_ids))
        self._batches |= dict.fromkeys(job_ids, batch)

    def end(self, job_id: str, took: float | None) -> int:
        """Note that a job is over; return how many were computed together, 1 where it was alone.

        ``took`` is how long it was computed beside what it takes alone; None where that isn't
        known, or where it wasn't made.
        """
        batch = self._batches.pop(job_id, None)
        if batch is None:
            return 1
        batch.left -= 1
        batch.is_whole &= took is not None
        batch.longest = max(batch.longest, took or 0.0)
        if batch.is_whole and not batch.left:
            shares = self._shares.setdefault(batch.kind, deque(maxlen=_REMEMBERED))
            shares.append(batch.longest / batch.size)
        return batch.size

    def size(self, job_id: str) -> int:
        """Return how many jobs are computed together with one, counting it."""
        batch = self._batches.get(job_id)
        return 1 if batch is None else batch.size

    def key(self, job_id: str) -> object:
        """Return what jobs that are computed together share, and no others."""
        batch = self._batches.get(job_id)
        return job_id if batch is None else id(batch)

    def pays(self, kind: Kind) -> bool:
        """Return whether jobs of a kind are made sooner together, as far as was seen."""
        shares = self._shares.get(kind, ())
        return len(shares) < _ENOUGH or statistics.median(shares) <= _PAYS

    def together(self, job_id: str, alone: Estimate) -> Estimate:
        """Return what a job takes, if it takes this ``alone``: each waits for all of a batch."""
        batch = self._batches.get(job_id)
        if batch is None:
            return alone
        shares = self._shares.get(batch.kind)
        times = batch.size * (statistics.median(shares) if shares else 1.0)
        seconds, after_steps, file_seconds = alone
        return Estimate(
            (seconds - file_seconds) * times + file_seconds,
            (after_steps - file_seconds) * times + file_seconds,
            file_seconds,
        )
