"""One device and the worker on it: started, fed, watched, replaced.

A worker that dies is replaced at once, one that hangs is killed, one that grew too large is started
anew between two jobs. One that can't start is tried again after a growing pause, and after a few
times the service is told; what becomes of the jobs is its business.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bot.core.errors import StorageError, WorkerDiedError, WorkerStartError
from bot.core.logs import job_context
from bot.jobs.queue import Ticket
from bot.storage.models import Job
from bot.workers.local import Worker
from generator.contract.errors import Failure, FailureKind
from generator.contract.messages import Generate, Outcome, Progress
from generator.contract.text import Text
from generator.contract.worker_settings import WorkerSettings

logger = logging.getLogger(__name__)

_FIRST_DELAY = 1.0  # seconds, doubled with every death in a row
_LONGEST_DELAY = 30.0
_LONGEST_DELAY_FAILED = 300.0
_DOUBLINGS = 10  # enough for the longest
# One that was killed while it started is no broken model yet: bad luck, then trouble, then hopeless
_DEATHS_TO_REPORT = 3
_DEATHS_TO_GIVE_UP = 10  # about three minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchdogSettings:
    """When a worker is replaced. ``memory_bytes`` 0 is any amount."""

    silence_seconds: float = 600.0
    start_seconds: float = 3600.0  # a first start may download its model
    memory_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceReport:
    """What a device is doing: starting, idle, busy or down."""

    device: str
    state: str
    pid: int | None = None
    dtype: str = ""
    job_id: str = ""
    made: int = 0
    memory_bytes: int | None = None
    failure: str = ""  # the sentence


class Work(Protocol):
    """Where jobs come from and who learns what becomes of them: the job service."""

    async def next_ticket(self) -> Ticket: ...

    def return_ticket(self, ticket: Ticket) -> None:
        """Put back a ticket that was drawn, but that nobody is there to work on."""

    async def start_job(self, ticket: Ticket, device: str) -> tuple[Job, Generate] | None:
        """Return the job and what to make; None where it was cancelled meanwhile."""

    def job_progressed(self, progress: Progress) -> None: ...

    def job_ended(self, job: Job, outcome: Outcome) -> None: ...

    def worker_died(self, job: Job, death: WorkerDiedError) -> None: ...

    async def job_interrupted(self, job: Job) -> None:
        """Put back a job that the bot's end interrupts."""

    def worker_loading(self, device: str) -> None:
        """Note that a worker has started, and loads the model."""

    def worker_ready(self, device: str) -> None:
        """Note that a worker is ready."""

    def worker_unavailable(self, device: str, failure: Failure) -> None:
        """Note that this device can't work, but others can."""

    def all_workers_unavailable(self, failure: Failure) -> None:
        """Note that no worker is left, and that none has started for a while."""

    def all_workers_failed(self, failure: Failure) -> None:
        """Note that no worker is left, and that none can be started."""


class DeviceSupervisor:
    """Keeps one device's worker alive and at work; calls ``report_state`` where it can't."""

    def __init__(
        self,
        settings: WorkerSettings,
        work: Work,
        watchdog: WatchdogSettings,
        report_state: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._work = work
        self._watchdog = watchdog
        self._report_state = report_state
        self._deaths = 0  # in a row, without a job made in between
        self._jobs_made = 0
        self._known_controls: set[str] = set()  # kinds of ControlNets that jobs were made with
        self._dtype = ""
        self._job_id = ""
        self._worker: Worker | None = None
        self._draining = asyncio.Event()
        self._idle = asyncio.Event()  # has nothing in hand
        self._idle.set()
        self.name = settings.device
        self.failure: Failure | None = None  # why it can't work
        self.has_failed = False

    @property
    def pid(self) -> int | None:
        return self._worker.pid if self._worker else None

    def report(self) -> DeviceReport:
        """Return what the device is doing now."""
        state = "idle" if self._dtype else "starting"
        if self._job_id:
            state = "busy"
        elif self.failure or self._worker is None:
            state = "down"
        return DeviceReport(
            device=self.name,
            state=state,
            pid=self.pid,
            dtype=self._dtype,
            job_id=self._job_id,
            made=self._jobs_made,
            memory_bytes=self._worker.memory_bytes if self._worker else None,
            failure=str(self.failure or ""),
        )

    def cancel(self, job_id: str, attempt: int) -> None:
        """Stop this attempt; nothing happens where the worker has another."""
        if self._worker is not None:
            self._worker.cancel(job_id, attempt)

    async def drain(self) -> None:
        """Take no more tickets; return when what is in hand is made."""
        self._draining.set()
        await self._idle.wait()

    async def serve(self) -> None:
        """Keep a worker alive and at work until cancelled."""
        while True:
            self._deaths += 1
            try:
                await self._run_worker()
            except (WorkerStartError, WorkerDiedError) as error:
                self._note_start_failure(error)
            await asyncio.sleep(self._restart_delay())

    async def _run_worker(self) -> None:
        """Run one process from start to end. Raises WorkerStartError, WorkerDiedError."""
        try:
            worker = await Worker.start(self._settings)
        except OSError as error:
            text = Text(
                "The generator process can't be started ({reason}); check what the machine "
                "has run out of.",
                reason=error,
            )
            raise WorkerStartError(
                Failure(FailureKind.INTERNAL, text, is_retryable=True)
            ) from error
        self._worker = worker
        self._work.worker_loading(self._settings.device)
        try:
            await self._wait_until_ready(worker)
            await self._run_jobs(worker)
        finally:
            self._worker = None
            self._dtype = ""
            await worker.stop()

    async def _wait_until_ready(self, worker: Worker) -> None:
        ready = await worker.ready(within=self._watchdog.start_seconds)
        self.failure, self.has_failed = None, False
        self.name, self._dtype = ready.device, ready.dtype
        self._work.worker_ready(self._settings.device)
        logger.info(
            "worker %s ready on %s in %s after %.1f s",
            worker.pid,
            ready.device,
            ready.dtype,
            ready.seconds,
        )

    async def _run_jobs(self, worker: Worker) -> None:
        """Run job after job, until the worker dies or has grown too large."""
        made = self._jobs_made  # one that is too large before its first job still has to make it
        while not (worker.died.done() or (self._jobs_made > made and self._is_too_large(worker))):
            ticket = await self._next_ticket(worker)
            if ticket is None:
                logger.warning("an idle worker on %s died; starting another", self.name)
                continue
            self._idle.clear()
            try:
                await self._start_job(worker, ticket)
            finally:
                self._job_id = ""
                self._idle.set()

    async def _start_job(self, worker: Worker, ticket: Ticket) -> None:
        if worker.died.done() or self._draining.is_set():
            self._work.return_ticket(ticket)
        elif (started := await self._work.start_job(ticket, self.name)) is not None:
            self._job_id = ticket.job_id
            await self._run_job(worker, *started)

    async def _run_job(self, worker: Worker, job: Job, generate: Generate) -> None:
        work = self._work
        try:
            outcome = await worker.run(
                generate, work.job_progressed, silence=self._silence_limit(job)
            )
        except WorkerDiedError as death:
            with job_context(job.id, **job.origin.ids):
                logger.warning("%s", death)
            work.worker_died(job, death)
        except asyncio.CancelledError:
            try:
                await work.job_interrupted(job)
            except StorageError as error:  # the next start finds it running, and puts it back
                logger.warning("the job couldn't be put back: %s", error)
            raise
        else:
            self._deaths = 1  # its own, some day
            self._jobs_made += 1
            self._known_controls.update(control.kind for control in job.request.controls)
            work.job_ended(job, outcome)

    def _silence_limit(self, job: Job) -> float:
        """Return how long it may be silent: a ControlNet new here may first be downloaded."""
        kinds = {control.kind for control in job.request.controls}
        if kinds <= self._known_controls:
            return self._watchdog.silence_seconds
        return max(self._watchdog.silence_seconds, self._watchdog.start_seconds)

    async def _next_ticket(self, worker: Worker) -> Ticket | None:
        """Return the next ticket, None once the worker is dead; no drawn ticket is dropped."""
        if self._draining.is_set():
            await asyncio.wait((worker.died,))
            return None
        drawing = asyncio.ensure_future(self._work.next_ticket())
        try:
            await asyncio.wait((drawing, worker.died), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not drawing.done():
                drawing.cancel()
        return drawing.result() if drawing.done() and not drawing.cancelled() else None

    def _is_too_large(self, worker: Worker) -> bool:
        limit, held = self._watchdog.memory_bytes, worker.memory_bytes
        if not limit or held is None or held <= limit:
            return False
        logger.warning(
            "the worker on %s holds %d MB, more than %d; starting another",
            self.name,
            held // 2**20,
            limit // 2**20,
        )
        return True

    def _note_start_failure(self, error: WorkerStartError | WorkerDiedError) -> None:
        logger.error("the worker on %s can't start: %s", self.name, error)
        if isinstance(error, WorkerStartError):
            self.failure, self.has_failed = error.failure, True
        elif self._deaths >= _DEATHS_TO_REPORT:
            self.has_failed = self._deaths >= _DEATHS_TO_GIVE_UP
            text = Text(
                "The generator process crashes while starting ({reason}); the bot's log says more.",
                reason=error.reason,
            )
            self.failure = Failure.of(error, text)
        if self.failure:
            self._report_state()

    def _restart_delay(self) -> float:
        """Return seconds until the next start; 0 after a worker that had done its work."""
        if self._deaths <= 1 and not self.failure:
            return 0.0
        longest = _LONGEST_DELAY_FAILED if self.has_failed else _LONGEST_DELAY
        return min(_FIRST_DELAY * 2.0 ** min(self._deaths - 2, _DOUBLINGS), longest)
