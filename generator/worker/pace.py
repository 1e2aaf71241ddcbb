"""When a job is so nearly computed that the next one had better be on its way to the worker."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from generator.contract.messages import Request
from generator.contract.stages import total_cost, total_steps
from generator.worker.room import LEAD_SECONDS


class Pace:
    """Knows how long the steps of an engine take, also of jobs that are to come.

    ``lead`` returns how many seconds before its end a job is nearly computed.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        lead: Callable[[], float] = lambda: LEAD_SECONDS,
    ) -> None:
        self._clock = clock
        self._lead = lead
        self._seconds = math.inf  # that a step took last, for each megapixel of work
        self._work = 0.0  # in a step of this job, in megapixels
        self._last_at = 0.0
        self._steps_left = 0
        self._rest = math.inf  # seconds from the last step until the last job was computed

    def job_seconds(self, request: Request) -> float:
        """Return how long a whole job may take; infinity until one was computed."""
        return self.seconds(request) + self._rest

    def computed(self) -> None:
        """Note that the job at hand is computed."""
        self._rest = self._clock() - self._last_at

    def seconds(self, request: Request) -> float:
        """Return how long the steps of a request may take; infinity where that isn't known yet."""
        return total_cost(request).denoised * self._seconds

    @property
    def seconds_left(self) -> float:
        """How long the steps of this job may still take, as ``seconds``."""
        return self._steps_left * self._work * self._seconds if self._steps_left > 0 else 0.0

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
        self._steps_left = steps_left
        return self.seconds_left <= self._lead()


class SharedPace(Pace):
    """The pace of jobs that take each step together: the first that speaks of one counts."""

    def __init__(self, pace: Pace) -> None:
        super().__init__()
        self._pace = pace
        self._step = -1
        self._verdict = False

    def job_seconds(self, request: Request) -> float:
        return self._pace.job_seconds(request)

    def computed(self) -> None:
        self._pace.computed()

    def seconds(self, request: Request) -> float:
        return self._pace.seconds(request)

    @property
    def seconds_left(self) -> float:
        return self._pace.seconds_left

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
