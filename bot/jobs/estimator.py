"""What can be said of an unfinished job: its place, how far it is, and the time that is left.

An estimate is only given where something was learnt; see ``bot.jobs.cost_model``. It counts until
the GIF is posted, with the jobs before it shared out among the workers.
"""

from __future__ import annotations

import heapq
import statistics
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from bot.jobs.cost_history import CostHistory
from bot.jobs.progress import ProgressTracker
from bot.jobs.queue import FairQueue
from bot.jobs.store import JobStore
from bot.storage.models import Job, State
from generator.contract.messages import Progress
from generator.contract.stages import work_done
from generator.contract.text import Text

_HEAD_LENGTH = (
    100  # jobs at the head of the queue are looked at one by one, the others as their mean
)
_DELIVERIES = 20  # the last ones, whose median the next one may take


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What can be said of an unfinished job now. ``ahead`` counts the jobs before it.

    ``denoised`` is the share of its steps that are done, from 0 to 1.
    ``unavailable_reason`` says why nothing can be made at the moment, or not this
    (``is_unmatched``): no worker that is connected can make it. ``is_loading``: no worker is ready
    yet, since the model is being loaded.
    """

    job: Job
    ahead: int | None = None
    progress: Progress | None = None
    denoised: float = 0.0
    seconds_left: float | None = None
    unavailable_reason: Text | None = None
    is_unmatched: bool = False
    is_loading: bool = False
    loading_seconds_left: float | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A job in a worker's hands since it ``began``, and at its end what passed after its last step.

    ``file_seconds`` of these were its file's, while its worker was free for another job.
    """

    device: str
    began: float
    after_steps: float = 0.0
    file_seconds: float = 0.0


class JobEstimator:
    """Says what can be said of unfinished jobs; knows which run where and since when."""

    def __init__(
        self,
        store: JobStore,
        queue: FairQueue,
        cost_history: CostHistory,
        *,
        workers: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._queue = queue
        self._cost_history = cost_history
        self._costs = cost_history.costs
        self._configured_workers = workers
        self._clock = clock
        self._progresses = ProgressTracker(clock)
        self._runs: dict[str, Run] = {}
        self._loading: dict[str, float] = {}  # devices whose model is being loaded, since when
        self._ready: set[str] = set()
        self._deliveries: deque[float] = deque(maxlen=_DELIVERIES)  # seconds
        self._head: list[float] = []  # seconds of each job at the head of the queue
        self._head_versions = (-1, -1)  # the versions of queue and costs that it was made of

    def worker_loading(self, device: str) -> None:
        """Note that a worker on this device loads the model."""
        self._ready.discard(device)
        self._loading[device] = self._clock()

    def worker_ready(self, device: str) -> float | None:
        """Note that a worker can be given jobs; return how long it loaded, None where unknown."""
        began = self._loading.pop(device, None)
        self._ready.add(device)
        return None if began is None else self._clock() - began

    def worker_gone(self, device: str) -> None:
        """Note that a worker left."""
        self._loading.pop(device, None)
        self._ready.discard(device)

    def job_started(self, job_id: str, device: str) -> None:
        """Note that a worker has a job."""
        self._runs[job_id] = Run(device, self._clock())

    def job_begun(self, job_id: str) -> None:
        """Note that its worker is at a job: it may have had another to finish before."""
        if (run := self._runs.get(job_id)) is not None:
            self._runs[job_id] = replace(run, began=self._clock())

    def job_ended(self, job_id: str) -> Run:
        """Note that no worker has a job any more; return what is known of its time with one."""
        after_steps = self._progresses.after_steps(job_id) or 0.0
        file_seconds = self._progresses.since_computed(job_id) or 0.0
        self._progresses.forget(job_id)
        run = self._runs.pop(job_id, None) or Run("", self._clock())
        return replace(run, after_steps=after_steps, file_seconds=file_seconds)

    def job_delivered(self, seconds: float) -> None:
        """Note how long after it was made a result stood in Discord."""
        self._deliveries.append(seconds)

    def job_progressed(self, progress: Progress) -> None:
        """Note how far a job is."""
        job = self._store.get(progress.job_id)
        if job is not None and job.request.stages:
            self._progresses.update(progress, partial(work_done, job.request))
        else:
            self._progresses.update(progress)

    def status(self, job: Job, unavailable_reason: Text | None = None) -> Status:
        """Return an unfinished job's status."""
        if job.state is State.QUEUED:
            place = self._queue.position(job.id)
            ahead = place + self._store.running
            left = None if unavailable_reason else self._until_waiting_delivered(job, place)
            return Status(
                job=job,
                ahead=ahead,
                seconds_left=left,
                unavailable_reason=unavailable_reason,
                is_loading=self._is_loading,
                loading_seconds_left=self._until_loaded(),
            )
        left = self._until_delivered(job) if job.state is State.RUNNING else None
        return Status(
            job=job,
            progress=self._progresses.last(job.id),
            denoised=self._progresses.share(job.id),
            seconds_left=left,
        )

    @property
    def _workers(self) -> int:
        """The number of workers: those of this machine, or more where hosts bring others."""
        return max(len(self._ready | self._loading.keys()), self._configured_workers, 1)

    @property
    def _is_loading(self) -> bool:
        return bool(self._loading) and not self._ready

    def _until_loaded(self) -> float | None:
        """Return seconds until a worker is ready; None where unknown, or nothing to wait for."""
        if not self._is_loading:
            return None
        now = self._clock()
        left = [
            whole - now + began
            for device, began in self._loading.items()
            if (whole := self._cost_history.loading_seconds(device)) is not None
        ]
        return max(0.0, min(left)) if left else None

    def _until_waiting_delivered(self, job: Job, place: int) -> float | None:
        """Return seconds until a job that waits is delivered."""
        own = self._costs.seconds(job.request)
        loading = self._until_loaded()
        if own is None or (self._is_loading and loading is None):
            return None
        return (loading or 0.0) + self._until_started(place) + own + self._delivery

    def _until_delivered(self, job: Job) -> float | None:
        """Return those of a running job: by its steps as they are seen, before by what is known."""
        made = self._until_written(job)
        return None if made is None else made + self._delivery

    def _until_computed(self, job: Job) -> float:
        """Return seconds until a running job's worker is free for another."""
        if self._progresses.since_computed(job.id) is not None:
            return 0.0
        known = self._costs.estimate(job.request, self._runs[job.id].device)
        return max(0.0, (self._until_written(job) or 0.0) - (known.file_seconds if known else 0.0))

    def _seconds_to_compute(self, job: Job) -> float:
        """Return seconds that a job keeps its worker from the next one."""
        known = self._costs.estimate(job.request)
        return known.seconds - known.file_seconds if known else 0.0

    def _until_written(self, job: Job) -> float | None:
        run = self._runs.get(job.id)
        device = run.device if run else None
        known = self._costs.estimate(job.request, device)
        whole, after = (known.seconds, known.after_steps) if known else (None, 0.0)
        passed = self._progresses.after_steps(job.id)
        if passed is not None:
            return None if whole is None else max(0.0, after - passed)
        by_steps = self._progresses.seconds_left(job.id, self._expected_step(job, whole, after))
        if by_steps is not None:
            return by_steps + after
        return None if whole is None or run is None else max(0.0, whole - self._clock() + run.began)

    def _expected_step(self, job: Job, whole: float | None, after: float) -> float | None:
        """Return seconds of a step that is still to come, by what jobs alike took."""
        run, first_at = self._runs.get(job.id), self._progresses.first_at(job.id)
        left = self._progresses.steps_left(job.id)
        if whole is None or run is None or first_at is None or not left:
            return None
        return max(0.0, whole - after - (first_at - run.began)) / left

    @property
    def _delivery(self) -> float:
        return statistics.median(self._deliveries) if self._deliveries else 0.0

    def _until_started(self, place: int) -> float:
        """Return seconds until the job at this place of the queue has a worker: whichever is free
        first takes the next.
        """
        running = (self._store.get(job_id) for job_id in self._runs)
        busy = [self._until_computed(job) for job in running if job is not None]
        free = ([0.0] * self._workers + sorted(busy))[-self._workers :]
        heapq.heapify(free)
        head = self._seconds_at_head()
        for seconds in head[:place]:
            heapq.heapreplace(free, free[0] + seconds)
        further = max(0, place - len(head))
        mean = sum(head) / len(head) if head else 0.0
        return free[0] + further * mean / self._workers

    def _seconds_at_head(self) -> list[float]:
        """Return how long each job at the head keeps a worker; kept, since all ask for it."""
        if self._head_versions != (now := (self._queue.version, self._costs.version)):
            self._head_versions = now
            jobs = (self._store.get(ticket.job_id) for ticket in self._queue.order()[:_HEAD_LENGTH])
            self._head = [self._seconds_to_compute(job) for job in jobs if job]
        return self._head
