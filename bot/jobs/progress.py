"""How far jobs are. Pure, apart from the clock it is given."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from generator.contract.messages import Progress
from generator.contract.stages import DENOISE, SAVE

WorkDone = Callable[[int], float]
"""Returns how much work a number of steps is, in steps of the first kind."""
_PRIOR_STEPS = 2.0  # steps that an expectation of their pace is worth


@dataclass(slots=True)
class _Track:
    """A job's last report; and of its steps, when the first and the last one were reported.

    Steps of denoising take the time, and are counted; other stages come before, between and after.
    ``computed_at`` is when there was nothing left to do but to write the file.
    """

    last: Progress
    work_done: WorkDone = float
    first_step: Progress | None = None
    first_at: float = 0.0
    last_step: Progress | None = None
    last_at: float = 0.0
    computed_at: float | None = None


class ProgressTracker:
    """Holds what running jobs last reported."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tracks: dict[str, _Track] = {}

    def update(self, progress: Progress, work_done: WorkDone = float) -> None:
        """Take in a report; a new attempt, or another number of steps, starts anew.

        ``work_done`` weighs the steps, where a later pass has dearer ones.
        """
        track = self._tracks.get(progress.job_id)
        if track is None or track.last.attempt != progress.attempt:
            track = self._tracks[progress.job_id] = _Track(progress, work_done)
        track.last = progress
        now = self._clock()
        if progress.stage == SAVE and track.computed_at is None:
            track.computed_at = now
        if progress.stage != DENOISE or _is_said_again(progress, track.last_step):
            return
        before = track.last_step
        if before is None or before.steps != progress.steps or before.step > progress.step:
            track.first_step, track.first_at = progress, now
        track.last_step, track.last_at = progress, now

    def forget(self, job_id: str) -> None:
        """Forget a job that isn't running any more."""
        self._tracks.pop(job_id, None)

    def last(self, job_id: str) -> Progress | None:
        """Return a job's newest report."""
        track = self._tracks.get(job_id)
        return None if track is None else track.last

    def share(self, job_id: str) -> float:
        """Return which share of a job's steps is done, from 0 to 1."""
        track = self._tracks.get(job_id)
        if track is None or track.last_step is None or track.last_step.steps <= 0:
            return 0.0
        return track.last_step.step / track.last_step.steps

    def first_at(self, job_id: str) -> float | None:
        """Return when a job's first step was done, by the clock."""
        track = self._tracks.get(job_id)
        return None if track is None or track.first_step is None else track.first_at

    def steps_left(self, job_id: str) -> float | None:
        """Return how many steps' work follows the first; None where that isn't done yet."""
        track = self._tracks.get(job_id)
        if track is None or track.first_step is None:
            return None
        first = track.first_step
        return track.work_done(first.steps) - track.work_done(first.step)

    def seconds_left(self, job_id: str, expected: float | None = None) -> float | None:
        """Return seconds until the last step, by the pace of those seen; None before any was.

        ``expected`` seconds for a step count as two steps seen.
        """
        track = self._tracks.get(job_id)
        if track is None or track.first_step is None or track.last_step is None:
            return None
        done = track.work_done(track.last_step.step) - track.work_done(track.first_step.step)
        if done < 1 and expected is None:
            return None
        believed = 0.0 if expected is None else _PRIOR_STEPS
        took = track.last_at - track.first_at + believed * (expected or 0.0)
        since = self._clock() - track.last_at
        return max(0.0, took / (done + believed) * self._to_do(track) - since)

    def after_steps(self, job_id: str) -> float | None:
        """Return seconds since a job's last step was done; None before."""
        track = self._tracks.get(job_id)
        if track is None or track.last_step is None or self._to_do(track):
            return None
        return self._clock() - track.last_at

    def since_computed(self, job_id: str) -> float | None:
        """Return seconds since a job's file is all that is left to make; None before."""
        track = self._tracks.get(job_id)
        if track is None or track.computed_at is None:
            return None
        return self._clock() - track.computed_at

    @staticmethod
    def _to_do(track: _Track) -> float:
        """Return how many steps' work follows the last one that was reported."""
        last = track.last_step
        if last is None:
            return 0.0
        return max(0.0, track.work_done(last.steps) - track.work_done(last.step))


def _is_said_again(progress: Progress, before: Progress | None) -> bool:
    """Return whether a step was reported before: a preview may be all that is new."""
    return before is not None and (progress.step, progress.steps) == (before.step, before.steps)
