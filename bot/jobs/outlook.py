"""What can be said of an unfinished job: its place, how far it is, and the time that is left.

An estimate is only given where something was learnt; see ``bot.jobs.cost``. It counts until the GIF
is made, with the jobs before it shared out among the workers.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from bot.jobs.ledger import Ledger
from bot.jobs.model import Job, State
from bot.jobs.pace import Pace
from bot.jobs.progress import Progresses
from bot.jobs.queue import FairQueue
from generator.protocol import Progress
from generator.words import Words

_LOOKED_AT = 300  # jobs at the head of the queue are added up one by one, the others by their mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What can be said of an unfinished job now. ``ahead`` counts the jobs before it.

    ``trouble`` says why nothing can be made at the moment. ``is_loading``: no worker is ready yet,
    since the model is being loaded.
    """

    job: Job
    ahead: int | None = None
    progress: Progress | None = None
    seconds_left: float | None = None
    trouble: Words | None = None
    is_loading: bool = False
    loading_seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class _Run:
    """A job in a worker's hands."""

    device: str
    began: float


class Outlook:
    """Knows who is running where and since when; asks the queue and the costs for the rest."""

    def __init__(
        self,
        ledger: Ledger,
        queue: FairQueue,
        pace: Pace,
        *,
        workers: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ledger = ledger
        self._queue = queue
        self._pace = pace
        self._costs = pace.costs
        self._workers = max(workers, 1)
        self._clock = clock
        self._progresses = Progresses(clock)
        self._runs: dict[str, _Run] = {}
        self._loading: dict[str, float] = {}  # devices whose model is being loaded, since when
        self._ready: set[str] = set()
        self._waits: list[float] | None = None  # seconds of work before each place in the queue
        self._version = -1

    def loads(self, device: str) -> None:
        """A worker on it loads the model."""
        self._ready.discard(device)
        self._loading[device] = self._clock()

    def loaded(self, device: str) -> float | None:
        """A worker on it can be given jobs; returns the seconds that took, None where unknown."""
        began = self._loading.pop(device, None)
        self._ready.add(device)
        return None if began is None else self._clock() - began

    def began(self, job_id: str, device: str) -> None:
        """A worker has it."""
        self._runs[job_id] = _Run(device, self._clock())

    def ended(self, job_id: str) -> str:
        """No worker has it any more; returns the device that had."""
        self._progresses.forget(job_id)
        run = self._runs.pop(job_id, None)
        return run.device if run else ""

    def progressed(self, progress: Progress) -> None:
        self._progresses.note(progress)

    def of(self, job: Job, trouble: Words | None = None) -> Status:
        """An unfinished job's status."""
        if job.state is State.QUEUED:
            place = self._queue.position(job.id)
            ahead = place + self._ledger.running
            left = None if trouble else self._until_made(job, place)
            return Status(
                job=job,
                ahead=ahead,
                seconds_left=left,
                trouble=trouble,
                is_loading=self._is_loading,
                loading_seconds_left=self._until_loaded(),
            )
        left = self._left(job) if job.state is State.RUNNING else None
        return Status(job=job, progress=self._progresses.last(job.id), seconds_left=left)

    @property
    def _is_loading(self) -> bool:
        return bool(self._loading) and not self._ready

    def _until_loaded(self) -> float | None:
        """Until the first worker is ready; None where nothing is known, or nothing to wait for."""
        if not self._is_loading:
            return None
        now = self._clock()
        left = [
            whole - now + began
            for device, began in self._loading.items()
            if (whole := self._pace.loading_seconds(device)) is not None
        ]
        return max(0.0, min(left)) if left else None

    def _until_made(self, job: Job, place: int) -> float | None:
        own = self._costs.seconds(job.request)
        if own is None:
            return None
        running = sum(
            self._left(each) or 0.0
            for job_id in self._runs
            if (each := self._ledger.get(job_id)) is not None
        )
        loading = self._until_loaded()
        if self._is_loading and loading is None:
            return None
        return (loading or 0.0) + (running + self._work_before(place)) / self._workers + own

    def _left(self, job: Job) -> float | None:
        """Of a running one: by its own steps once two were seen, before that by what is known."""
        run = self._runs.get(job.id)
        by_steps = self._progresses.seconds_left(job.id)
        if by_steps is not None:
            return by_steps + (self._costs.painting(job.request) or 0.0)
        whole = self._costs.seconds(job.request, run.device if run else None)
        return None if whole is None or run is None else max(0.0, whole - self._clock() + run.began)

    def _work_before(self, place: int) -> float:
        """Seconds, if one worker did it all."""
        if self._waits is None or self._version != self._queue.version:
            self._version = self._queue.version
            self._waits = [0.0, *itertools.accumulate(self._seconds_at_head())]
        if place < len(self._waits):
            return self._waits[place]
        known = len(self._waits) - 1
        return self._waits[-1] * place / known if known else 0.0

    def _seconds_at_head(self) -> list[float]:
        jobs = (self._ledger.get(ticket.job_id) for ticket in self._queue.order()[:_LOOKED_AT])
        return [self._costs.seconds(job.request) or 0.0 for job in jobs if job is not None]
