"""What can be said of an unfinished job: its place, how far it is, and the time that is left.

An estimate is only given where something was learnt; see ``bot.jobs.cost_model``. It counts until
the GIF is posted, with the jobs before it shared out among the workers.
"""

from __future__ import annotations

import heapq
import statistics
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bot.jobs.batches import BatchPace
from bot.jobs.cost_history import CostHistory
from bot.jobs.cost_model import Estimate
from bot.jobs.progress import ProgressTracker
from bot.jobs.queue import FairQueue
from bot.jobs.store import JobStore
from bot.storage.models import Job, State
from generator.contract.messages import Progress, Request
from generator.contract.stages import work_done
from generator.contract.text import Text

_HEAD_LENGTH = (
    100  # jobs at the head of the queue are looked at one by one, the others as their mean
)
_LEAST_SECONDS = 0.01
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

    ``file_seconds`` of these were its file's, while its worker was free for another job. So many
    were computed ``together``; what one takes beside others says nothing of one that is alone.
    """

    device: str
    began: float
    after_steps: float = 0.0
    file_seconds: float = 0.0
    together: int = 1


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
        self._configured_workers = workers
        self._clock = clock
        self._progresses = ProgressTracker(clock)
        self._runs: dict[str, Run] = {}
        self._batches = BatchPace()
        self._loading: dict[str, float] = {}  # devices whose model is being loaded, since when
        self._changing: dict[str, str] = {}  # devices, and the jobs whose models they load
        self._ready: dict[str, str] = {}  # devices, and the models that they hold
        self._deliveries: deque[float] = deque(maxlen=_DELIVERIES)  # seconds
        self._head: list[tuple[float, str]] = []  # seconds and model of each job at the head
        self._head_versions = (-1, -1)  # the versions of queue and costs that it was made of

    def worker_loading(self, device: str) -> None:
        """Note that a worker on this device loads a model."""
        self._ready.pop(device, None)
        self._loading[device] = self._clock()

    def worker_changing(self, device: str, job_id: str) -> None:
        """Note that a worker is about to load the model of this job, which it then makes."""
        self._changing[device] = job_id

    def worker_ready(self, device: str, model: str = "") -> float | None:
        """Note that a worker can be given jobs, and which model it holds.

        Return how long it loaded, None where that isn't known.
        """
        began = self._loading.pop(device, None)
        self._changing.pop(device, None)
        self._ready[device] = model
        return None if began is None else self._clock() - began

    def worker_gone(self, device: str) -> None:
        """Note that a worker left."""
        self._loading.pop(device, None)
        self._changing.pop(device, None)
        self._ready.pop(device, None)

    def job_started(self, job_id: str, device: str) -> None:
        """Note that a worker has a job."""
        self._runs[job_id] = Run(device, self._clock())

    def jobs_together(self, job_ids: Sequence[str]) -> None:
        """Note that jobs which a worker has are computed together."""
        job, run = self._store.get(job_ids[0]), self._runs.get(job_ids[0])
        if job is not None and run is not None:
            self._batches.begin(job_ids, (run.device, _clip_pixels(job.request)))

    def pays_together(self, request: Request, device: str) -> bool:
        """Return whether such jobs are made sooner together there, as far as was seen."""
        return self._batches.pays((device, _clip_pixels(request)))

    def job_begun(self, job_id: str) -> None:
        """Note that its worker is at a job: it may have had another to finish before."""
        if (run := self._runs.get(job_id)) is not None:
            self._runs[job_id] = replace(run, began=self._clock())

    def job_ended(self, job_id: str) -> Run:
        """Note that no worker has a job any more; return what is known of its time with one."""
        after_steps = self._progresses.after_steps(job_id) or 0.0
        computed = self._progresses.since_computed(job_id)
        run = self._runs.pop(job_id, None) or Run("", self._clock())
        took = None if computed is None else self._clock() - run.began - computed
        together = self._batches.end(job_id, self._beside_alone(job_id, run.device, took))
        self._progresses.forget(job_id)
        return replace(
            run, after_steps=after_steps, file_seconds=computed or 0.0, together=together
        )

    def seconds_at_work(self, job_id: str) -> float | None:
        """Return how long a worker has been at a job, shared out among those that it is computed
        together with; None where none is.
        """
        run = self._runs.get(job_id)
        return None if run is None else (self._clock() - run.began) / self._batches.size(job_id)

    def _beside_alone(self, job_id: str, device: str, took: float | None) -> float | None:
        """Return how long a job was computed beside what it takes alone; None where unknown."""
        job = self._store.get(job_id)
        alone = None if job is None else self._cost_history.estimate(job.request, device)
        if took is None or alone is None:
            return None
        return took / max(alone.seconds - alone.file_seconds, _LEAST_SECONDS)

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
                is_loading=self._is_loading or job.id in self._changing.values(),
                loading_seconds_left=self._until_loaded(job),
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
        return max(len(self._ready.keys() | self._loading.keys()), self._configured_workers, 1)

    @property
    def _is_loading(self) -> bool:
        return bool(self._loading) and not self._ready

    def _until_loaded(self, job: Job) -> float | None:
        """Return seconds until a worker is ready, or has the job's model; None where unknown, or
        nothing to wait for.
        """
        own = [device for device, job_id in self._changing.items() if job_id == job.id]
        if own:
            devices, model = own, self._cost_history.model_of(job.request)
        elif self._is_loading:
            devices, model = list(self._loading), ""
        else:
            return None
        now = self._clock()
        left = [
            whole - now + self._loading.get(device, now)
            for device in devices
            if (whole := self._cost_history.loading_seconds(device, model)) is not None
        ]
        return max(0.0, min(left)) if left else None

    def _until_waiting_delivered(self, job: Job, place: int) -> float | None:
        """Return seconds until a job that waits is delivered."""
        known = self._cost_history.estimate(job.request)
        own = None if known is None else known.seconds
        loading = self._until_loaded(job)
        if own is None or (self._is_loading and loading is None):
            return None
        if job.id in self._changing.values():
            return None if loading is None else loading + own + self._delivery
        started = self._until_started(place, self._cost_history.model_of(job.request))
        return (loading or 0.0) + started + own + self._delivery

    def _until_delivered(self, job: Job) -> float | None:
        """Return those of a running job: by its steps as they are seen, before by what is known."""
        made = self._until_written(job)
        return None if made is None else made + self._delivery

    def _until_computed(self, job: Job) -> float:
        """Return seconds until a running job's worker is free for another."""
        if self._progresses.since_computed(job.id) is not None:
            return 0.0
        known = self._known(job, self._runs[job.id].device)
        return max(0.0, (self._until_written(job) or 0.0) - (known.file_seconds if known else 0.0))

    def _known(self, job: Job, device: str | None) -> Estimate | None:
        """Return what a running job may take, by itself or with those it is computed with."""
        known = self._cost_history.estimate(job.request, device)
        return None if known is None else self._batches.together(job.id, known)

    def _seconds_to_compute(self, job: Job) -> float:
        """Return seconds that a job keeps its worker from the next one."""
        known = self._cost_history.estimate(job.request)
        return known.seconds - known.file_seconds if known else 0.0

    def _until_written(self, job: Job) -> float | None:
        run = self._runs.get(job.id)
        device = run.device if run else None
        known = self._known(job, device)
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

    def _until_started(self, place: int, model: str) -> float:
        """Return seconds until the job at this place of the queue, which wants a ``model``, has a
        worker: whichever has that and is free first, or can change to it sooner, takes the next.
        """
        free = self._free_workers()
        head = self._seconds_at_head()
        for seconds, wanted in head[:place]:
            began = free.take(wanted)
            free.add(wanted, began + seconds)
        further = max(0, place - len(head))
        mean = sum(seconds for seconds, _ in head) / len(head) if head else 0.0
        return free.take(model) + further * mean / self._workers

    def _free_workers(self) -> _FreeWorkers:
        """Return when each worker is free: those that run a job hold its model."""
        until: dict[tuple[str, object], float] = {}  # jobs computed together keep one worker
        for job in filter(None, (self._store.get(job_id) for job_id in self._runs)):
            key = self._cost_history.model_of(job.request), self._batches.key(job.id)
            until[key] = max(until.get(key, 0.0), self._until_computed(job))
        busy: dict[str, list[float]] = {}
        for (model, _), seconds in until.items():
            busy.setdefault(model, []).append(seconds)
        held = Counter(self._ready.values())
        spare = self._workers - held.total()  # of which nothing is known yet
        free = _FreeWorkers(self._cost_history.change_seconds)
        for model in held.keys() | busy.keys():
            left = sorted(busy.get(model, ()))
            number = held[model] or len(left)
            spare -= 0 if held[model] else number
            for seconds in ([0.0] * number + left)[-number:]:
                free.add(model, seconds)
        for _ in range(spare):
            free.add("", 0.0)
        return free

    def _seconds_at_head(self) -> list[tuple[float, str]]:
        """Return how long each job at the head keeps a worker, and its model; kept, since all ask
        for it.
        """
        if self._head_versions != (now := (self._queue.version, self._cost_history.version)):
            self._head_versions = now
            jobs = (self._store.get(ticket.job_id) for ticket in self._queue.order()[:_HEAD_LENGTH])
            self._head = [
                (self._seconds_to_compute(job), self._cost_history.model_of(job.request))
                for job in jobs
                if job
            ]
        return self._head


def _clip_pixels(request: Request) -> int:
    return request.video_length * request.width * request.height


class _FreeWorkers:
    """When workers are free, by the model that they hold; "" is for any."""

    def __init__(self, change_seconds: Callable[[str], float]) -> None:
        self._change_seconds = change_seconds
        self._free: dict[str, list[float]] = {}
        self.workers = 0

    def add(self, model: str, seconds: float) -> None:
        """Add a worker that is free in so many seconds."""
        heapq.heappush(self._free.setdefault(model, []), seconds)
        self.workers += 1

    def take(self, model: str) -> float:
        """Take the worker that can begin a job of this model first; return in how many seconds."""
        soonest = {
            held: heap[0] + (0.0 if held in ("", model) else self._change_seconds(model))
            for held, heap in self._free.items()
            if heap
        }
        best = min(soonest, key=lambda held: soonest[held])
        heapq.heappop(self._free[best])
        self.workers -= 1
        return soonest[best]
