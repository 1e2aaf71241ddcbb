"""How far jobs are. Pure, apart from the clock it is given."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from generator.protocol import Progress


@dataclass(slots=True)
class _Track:
    """When the first step of the current stage was reported, and the last report."""

    first: Progress
    first_at: float
    last: Progress
    last_at: float


class Progresses:
    """The running jobs' last words."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tracks: dict[str, _Track] = {}

    def note(self, progress: Progress) -> None:
        """Takes in a report; a new stage or attempt starts the clock anew."""
        now = self._clock()
        track = self._tracks.get(progress.job_id)
        if track is None or not _same_stage(track.last, progress):
            self._tracks[progress.job_id] = _Track(progress, now, progress, now)
        else:
            track.last, track.last_at = progress, now

    def forget(self, job_id: str) -> None:
        """It isn't running any more."""
        self._tracks.pop(job_id, None)

    def last(self, job_id: str) -> Progress | None:
        """The newest report."""
        track = self._tracks.get(job_id)
        return None if track is None else track.last

    def seconds_left(self, job_id: str) -> float | None:
        """For the stage at work, once two of its steps have been seen."""
        track = self._tracks.get(job_id)
        if track is None or track.last.step <= track.first.step:
            return None
        done = track.last.step - track.first.step
        each = (track.last_at - track.first_at) / done
        since = self._clock() - track.last_at
        return max(0.0, each * (track.last.steps - track.last.step) - since)


def _same_stage(one: Progress, other: Progress) -> bool:
    return (one.attempt, one.stage, one.steps) == (other.attempt, other.stage, other.steps)
