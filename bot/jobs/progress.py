"""How far jobs are and how long they may take. Pure, apart from the clock it is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bot.jobs.model import Job
from generator.protocol import Progress

_WEIGHT_OF_NEWEST = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What can be said of an unfinished job now. ``ahead`` counts the jobs before it."""

    job: Job
    ahead: int | None = None
    progress: Progress | None = None
    seconds_left: float | None = None


class Pace:
    """What a job takes here, as a mean that forgets. Seconds."""

    def __init__(self, recent: Iterable[float] = ()) -> None:
        self._mean: float | None = None
        for seconds in recent:
            self.learn(seconds)

    def learn(self, seconds: float) -> None:
        """Takes in one more finished job."""
        if self._mean is None:
            self._mean = seconds
        else:
            self._mean += _WEIGHT_OF_NEWEST * (seconds - self._mean)

    def of(self, jobs: float, workers: int) -> float | None:
        """What ``jobs`` take on ``workers``; None where nothing is known yet."""
        return None if self._mean is None else self._mean * jobs / max(workers, 1)


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
