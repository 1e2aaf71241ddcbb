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

from bot.core.errors import StorageError, WorkerDiedError
from bot.core.logs import job_context
from bot.jobs.queue import Ticket
from bot.storage.models import Job
from bot.workers.local import Worker, WorkerBrokenError
from generator.contract.messages import Generate, Outcome, Progress
from generator.contract.text import NO_TEXT, Text
from generator.contract.worker_settings import WorkerSettings

logger = logging.getLogger(__name__)

_FIRST_PAUSE = 1.0  # seconds, doubled with every death in a row
_LONGEST_PAUSE = 30.0
_LONGEST_PAUSE_BROKEN = 300.0
_DOUBLINGS = 10  # enough for the longest
# One that was killed while it started is no broken model yet: bad luck, then trouble, then hopeless
_DEATHS_TO_SAY_SO = 3
_DEATHS_TO_GIVE_UP = 10  # about three minutes


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
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
    trouble: str = ""


class Work(Protocol):
    """Where jobs come from and what becomes of them; the service."""

    async def next_ticket(self) -> Ticket: ...

    def return_ticket(self, ticket: Ticket) -> None:
        """Drawn, but nobody is there to do it."""

    async def begin(self, ticket: Ticket, device: str) -> tuple[Job, Generate] | None:
        """None where it was cancelled meanwhile."""

    def progressed(self, progress: Progress) -> None: ...

    def ended(self, job: Job, outcome: Outcome) -> None: ...

    def crashed(self, job: Job, death: WorkerDiedError) -> None: ...

    async def interrupted(self, job: Job) -> None:
        """The bot is leaving in the middle of it."""

    def loading(self, device: str) -> None:
        """A worker has started, and loads the model."""

    def recovered(self, device: str) -> None:
        """There is a worker again."""

    def workers_degraded(self, device: str, reason: Text) -> None:
        """This device can't work; others can."""

    def workers_unavailable(self, reason: Text) -> None:
        """No worker is left, and none has started for a while."""

    def workers_failed(self, reason: Text) -> None:
        """No worker is left, and none can be started."""


class Device:
    """``report_trouble`` is called whenever ``trouble`` was set."""

    def __init__(
        self,
        settings: WorkerSettings,
        work: Work,
        watch: Watch,
        report_trouble: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._work = work
        self._watch = watch
        self._report_trouble = report_trouble
        self._deaths = 0  # in a row, without a job made in between
        self._made = 0
        self._followed: set[str] = set()  # kinds of ControlNets that jobs were made with
        self._dtype = ""
        self._job_id = ""
        self._worker: Worker | None = None
        self._draining = asyncio.Event()
        self._free = asyncio.Event()  # has nothing in hand
        self._free.set()
        self.name = settings.device
        self.trouble = NO_TEXT
        self.is_hopeless = False

    @property
    def pid(self) -> int | None:
        return self._worker.pid if self._worker else None

    def report(self) -> DeviceReport:
        """As it stands now."""
        state = "idle" if self._dtype else "starting"
        if self._job_id:
            state = "busy"
        elif self.trouble or self._worker is None:
            state = "down"
        return DeviceReport(
            device=self.name,
            state=state,
            pid=self.pid,
            dtype=self._dtype,
            job_id=self._job_id,
            made=self._made,
            memory_bytes=self._worker.memory_bytes if self._worker else None,
            trouble=str(self.trouble),
        )

    def cancel(self, job_id: str, attempt: int) -> None:
        """Nothing happens where the worker isn't at it."""
        if self._worker is not None:
            self._worker.cancel(job_id, attempt)

    async def drain(self) -> None:
        """Takes no more tickets; returns when what is in hand is made."""
        self._draining.set()
        await self._free.wait()

    async def serve(self) -> None:
        """Until cancelled."""
        while True:
            self._deaths += 1
            try:
                await self._live()
            except (WorkerBrokenError, WorkerDiedError) as error:
                self._failed(error)
            await asyncio.sleep(self._pause())

    async def _live(self) -> None:
        """One process from its start to its end. Raises WorkerBrokenError, WorkerDiedError."""
        try:
            worker = await Worker.start(self._settings)
        except OSError as error:
            raise WorkerBrokenError(
                "The generator process can't be started ({reason}); check what the machine "
                "has run out of.",
                reason=error,
            ) from error
        self._worker = worker
        self._work.loading(self._settings.device)
        try:
            await self._greet(worker)
            await self._feed(worker)
        finally:
            self._worker = None
            self._dtype = ""
            await worker.stop()

    async def _greet(self, worker: Worker) -> None:
        ready = await worker.ready(within=self._watch.start_seconds)
        self.trouble, self.is_hopeless = NO_TEXT, False
        self.name, self._dtype = ready.device, ready.dtype
        self._work.recovered(self._settings.device)
        logger.info(
            "worker %s ready on %s in %s after %.1f s",
            worker.pid,
            ready.device,
            ready.dtype,
            ready.seconds,
        )

    async def _feed(self, worker: Worker) -> None:
        """Job after job, until the worker dies or has grown too large."""
        made = self._made  # one that is too large before its first job still has to make it
        while not (worker.died.done() or (self._made > made and self._is_too_large(worker))):
            ticket = await self._ticket(worker)
            if ticket is None:
                logger.warning("an idle worker on %s died; starting another", self.name)
                continue
            self._free.clear()
            try:
                await self._take(worker, ticket)
            finally:
                self._job_id = ""
                self._free.set()

    async def _take(self, worker: Worker, ticket: Ticket) -> None:
        if worker.died.done() or self._draining.is_set():
            self._work.return_ticket(ticket)
        elif (begun := await self._work.begin(ticket, self.name)) is not None:
            self._job_id = ticket.job_id
            await self._make(worker, *begun)

    async def _make(self, worker: Worker, job: Job, generate: Generate) -> None:
        work = self._work
        try:
            outcome = await worker.run(generate, work.progressed, silence=self._silence(job))
        except WorkerDiedError as death:
            with job_context(job.id, **job.origin.ids):
                logger.warning("%s", death)
            work.crashed(job, death)
        except asyncio.CancelledError:
            try:
                await work.interrupted(job)
            except StorageError as error:  # the next start finds it running, and puts it back
                logger.warning("the job couldn't be put back: %s", error)
            raise
        else:
            self._deaths = 1  # its own, some day
            self._made += 1
            self._followed.update(control.kind for control in job.request.controls)
            work.ended(job, outcome)

    def _silence(self, job: Job) -> float:
        """A ControlNet that is new here may first be downloaded, as the model is at the start."""
        kinds = {control.kind for control in job.request.controls}
        if kinds <= self._followed:
            return self._watch.silence_seconds
        return max(self._watch.silence_seconds, self._watch.start_seconds)

    async def _ticket(self, worker: Worker) -> Ticket | None:
        """The next ticket, or None once the worker is dead; a drawn ticket is never dropped."""
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
        limit, held = self._watch.memory_bytes, worker.memory_bytes
        if not limit or held is None or held <= limit:
            return False
        logger.warning(
            "the worker on %s holds %d MB, more than %d; starting another",
            self.name,
            held // 2**20,
            limit // 2**20,
        )
        return True

    def _failed(self, error: WorkerBrokenError | WorkerDiedError) -> None:
        logger.error("the worker on %s can't start: %s", self.name, error)
        if isinstance(error, WorkerBrokenError):
            self.trouble, self.is_hopeless = error.words, True
        elif self._deaths >= _DEATHS_TO_SAY_SO:
            self.is_hopeless = self._deaths >= _DEATHS_TO_GIVE_UP
            self.trouble = Text(
                "The generator process crashes while starting ({reason}); the bot's log says more.",
                reason=error.reason,
            )
        if self.trouble:
            self._report_trouble()

    def _pause(self) -> float:
        """Seconds until the next start; none after a worker that had done its work till then."""
        if self._deaths <= 1 and not self.trouble:
            return 0.0
        longest = _LONGEST_PAUSE_BROKEN if self.is_hopeless else _LONGEST_PAUSE
        return min(_FIRST_PAUSE * 2.0 ** min(self._deaths - 2, _DOUBLINGS), longest)
