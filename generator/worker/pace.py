"""When a job is so nearly computed that the next one had better be on its way to the worker."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from generator.contract.messages import Request
from generator.contract.stages import total_cost, total_steps

LEAD_SECONDS = 0.5
"""Longer than a bot under load takes to hand out a job, shorter than anybody regrets which."""


class Pace:
    """Knows how long the steps of an engine take, also of the job that comes next."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds = math.inf  # that a step took last, for each megapixel of work
        self._work = 0.0  # in a step of this job, in megapixels
        self._last_at = 0.0

    def begin(self, request: Request) -> bool:
        """Note that a job begins; return whether it is nearly computed already."""
        steps = max(1, total_steps(request))
        self._work = total_cost(request).denoised / steps
        self._last_at = self._clock()  # so a first step counts with what comes before it
        return self._is_nearly_computed(steps)

    def step(self, step: int, steps: int) -> bool:
        """Note that ``step`` of ``steps`` are done; return whether the job is nearly computed."""
        now = self._clock()
        if self._work:
            self._seconds = (now - self._last_at) / self._work
        self._last_at = now
        return self._is_nearly_computed(steps - step)

    def together(self) -> SharedPace:
        """Return the pace of several jobs that are computed together."""
        return SharedPace(self)

    def _is_nearly_computed(self, steps_left: int) -> bool:
        return steps_left <= 0 or steps_left * self._work * self._seconds <= LEAD_SECONDS


class SharedPace(Pace):
    """The pace of jobs that take each step together: the first that speaks of one counts."""

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace
        self._step = -1
        self._verdict = False

    def begin(self, request: Request) -> bool:
        """Note that a job begins, once for all of them."""
        if self._step < 0:
            self._step, self._verdict = 0, self._pace.begin(request)
        return self._verdict

    def step(self, step: int, steps: int) -> bool:
        """Note that ``step`` of ``steps`` are done, once for all jobs."""
        if step > self._step:
            self._step, self._verdict = step, self._pace.step(step, steps)
        return self._verdict
