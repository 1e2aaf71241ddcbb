"""One device and the worker on it: started, fed, watched, replaced. Of which kind it is, a local
process or something far away, is the backend's business.

A worker that dies is replaced at once, one that hangs is killed, one that grew too large is started
anew between two jobs, and so is one whose next job wants another model: only with its process is a
model surely gone from memory. One that can't start is tried again after a growing pause, and after
a few times the service is told; what becomes of the jobs is its business.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from bot.core.errors import StorageError, WorkerDiedError, WorkerHungError, WorkerStartError
from bot.jobs.outcomes import JobOutcome
from bot.jobs.queue import Ticket
from bot.storage.models import Job
from bot.workers.backend import JobEvent, WorkerBackend, WorkerConnection
from bot.workers.death import JobKey, WorkerDeath
from bot.workers.device_report import DeviceReport
from bot.workers.job_in_hand import JobInHand, Room
from bot.workers.model_choice import ModelChoice
from bot.workers.restarts import Restarts, is_too_large
from bot.workers.starting import start_jobs
from bot.workers.watchdog import WatchdogSettings
from bot.workers.work import Work
from generator.contract.errors import Failure, FailureKind
from generator.contract.messages import Capabilities, Generate, Progress, SlotFreed, Started
from generator.contract.stages import SAVE
from generator.contract.text import Text
from generator.contract.worker_settings import WorkerSettings

logger = logging.getLogger(__name__)

# One that was killed while it started is no broken model yet: bad luck, then trouble, then hopeless
_DEATHS_TO_REPORT = 3
_DEATHS_TO_GIVE_UP = 10  # about three minutes
_BROKEN_SECONDS = 300.0  # until a model that couldn't be loaded may be tried again


class DeviceSupervisor:
    """Keeps one device's worker alive and at work; calls ``report_state`` where it can't."""

    def __init__(
        self,
        settings: WorkerSettings,
        work: Work,
        backend: WorkerBackend,
        watchdog: WatchdogSettings,
        report_state: Callable[[], None],
        *,
        key: str = "",
    ) -> None:
        self.device = settings.device
        self.key = key or settings.device  # what the work calls it, unlike any other
        self._choice = ModelChoice(settings)
        self._work = work
        self._backend = backend
        self._watchdog = watchdog
        self._report_state = report_state
        self._restarts = Restarts()
        self._jobs_made = 0
        self._known_controls: set[str] = set()  # kinds of ControlNets that jobs were made with
        self._capabilities: Capabilities | None = None  # of a worker that is ready
        self._in_hand: dict[JobKey, JobInHand] = {}
        self._room = Room()
        self._death = WorkerDeath(self._in_hand)
        self._is_starting = False  # a ticket was drawn whose job isn't in hand yet
        self._drawing: asyncio.Future[Ticket] | None = None
        self._last_event_at = 0.0  # the worker's last word of any job, by the loop's clock
        self._worker: WorkerConnection | None = None
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
        state = "idle" if self._capabilities else "starting"
        if self._in_hand:
            state = "busy"
        elif self.failure or self._worker is None:
            state = "down"
        return DeviceReport(
            key=self.key,
            device=self.name,
            state=state,
            pid=self.pid,
            dtype=self._capabilities.dtype if self._capabilities else "",
            model=self._choice.settings.model_name,
            job_id=next((job_id for job_id, _ in self._in_hand), ""),
            made=self._jobs_made,
            memory_bytes=self._worker.memory_bytes if self._worker else None,
            failure=str(self.failure or ""),
        )

    def cancel(self, job_id: str, attempt: int) -> None:
        """Stop this attempt; nothing happens where the worker has another."""
        if self._worker is not None and (job_id, attempt) in self._in_hand:
            self._worker.cancel(job_id, attempt)

    def stop_feeding(self) -> None:
        """Take no more tickets."""
        self._draining.set()

    async def drain(self) -> None:
        """Take no more tickets; return when what is in hand is made."""
        self.stop_feeding()
        await self._idle.wait()

    async def restart(self, *, at_once: bool) -> None:
        """Have another worker started, after what this one has in hand.

        Where it is to be ``at_once``, or the worker isn't ready yet, its jobs are put back.
        """
        self._restarts.ask()
        if self._drawing is not None:
            self._drawing.cancel()
        if self._worker is not None and (at_once or self._capabilities is None):
            await self._worker.kill()

    async def serve(self) -> None:
        """Keep a worker alive and at work until cancelled."""
        while True:
            self._restarts.deaths += 1
            try:
                await self._run_worker()
            except (WorkerStartError, WorkerDiedError) as error:
                if not self._restarts.is_asked:
                    self._note_start_failure(error)
            await self._restarts.wait(is_down=bool(self.failure), has_failed=self.has_failed)

    async def _run_worker(self) -> None:
        """Run one worker from start to end. Raises WorkerStartError, WorkerDiedError."""
        worker = await self._backend.start(self._choice.settings, self._handle_event)
        self._worker, self._room, self._death = worker, Room(), WorkerDeath(self._in_hand)
        self._work.worker_loading(self.key)
        try:
            await self._wait_until_ready(worker)
            await self._run_jobs(worker)
        finally:
            self._worker = self._capabilities = None
            if self._restarts.is_asked and not worker.died.done():  # one elsewhere would stay
                await worker.kill()
            await worker.stop()

    async def _wait_until_ready(self, worker: WorkerConnection) -> None:
        """Wait until the worker takes jobs. Raises WorkerStartError, WorkerDiedError."""
        limit = self._watchdog.start_seconds
        try:
            # not wait_for: before Python 3.12 that drops a cancellation that comes as it ends
            async with asyncio.timeout(limit):
                ready = await worker.ready()
        except TimeoutError:
            await worker.kill()
            raise WorkerHungError(limit) from None
        self.failure, self.has_failed = None, False
        can = ready.capabilities
        self.name = can.device
        logger.info(
            "%s ready on %s in %s after %.1f s", worker.name, can.device, can.dtype, ready.seconds
        )
        for name in can.unknown:
            logger.warning("%s has %r, unknown to this version; it isn't used", worker.name, name)
        self._choice.note_ready(can)
        self._note_able()

    def _note_able(self) -> None:
        """Note what the worker can do, now that it is ready or a model may be tried again."""
        self._capabilities = self._choice.capabilities
        self._work.worker_ready(self.key, self._capabilities)

    async def _run_jobs(self, worker: WorkerConnection) -> None:
        """Run job after job, until the worker dies, has grown too large or is to change its model.

        What is in its hands then is ended first.
        """
        has_had_jobs = False  # one that is too large before its first job still has to make it
        async with asyncio.TaskGroup() as running:
            while not (worker.died.done() or self._is_replaced(worker, has_had_jobs)):
                if self._room.left <= 0:
                    await self._room.wait()
                    continue
                if tickets := self._waiting_tickets():
                    waited = not self._room.was_withheld
                    has_had_jobs |= await self._start_jobs(worker, tickets, running, waited=waited)
                    continue
                ticket = await self._next_ticket(worker)
                if ticket is None:
                    self._log_idle_death(worker)
                    continue
                if self._choice.change_for(ticket):
                    logger.info("%s makes room for the model %s", worker.name, ticket.needs.model)
                    self._work.worker_changing(self.key, ticket)
                    self._restarts.deaths = 1
                    return
                has_had_jobs |= await self._start_jobs(worker, [ticket], running)

    def _waiting_tickets(self) -> list[Ticket]:
        """Draw what waits and the worker has room for; where that makes batches, one at a time."""
        can = self._capabilities
        if can is None or self._choice.has_ticket or self._draining.is_set():
            return []
        most = 1 if can.batch_pixels else self._room.left
        return self._work.take_waiting(can, most, self._room.seconds_left)

    def _is_replaced(self, worker: WorkerConnection, has_had_jobs: bool) -> bool:
        """Return whether another worker is to take this one's place, before its next job."""
        is_large = has_had_jobs and is_too_large(worker, self._watchdog.memory_bytes)
        return is_large or self._restarts.is_asked

    def _log_idle_death(self, worker: WorkerConnection) -> None:
        if worker.died.done():
            death = worker.died.result()
            level = logging.INFO if _is_lost(death) else logging.WARNING
            logger.log(level, "the idle worker on %s is gone (%s)", self.name, death.reason)

    async def _start_jobs(
        self,
        worker: WorkerConnection,
        tickets: list[Ticket],
        running: asyncio.TaskGroup,
        *,
        waited: bool = False,
    ) -> bool:
        """Hand tickets' jobs to the worker, and those that it computes together with each.

        Return whether there was a job to hand it.
        """
        if worker.died.done() or self._draining.is_set():
            for ticket in reversed(tickets):
                self._work.return_ticket(ticket)
            return False
        self._idle.clear()
        self._is_starting = True
        try:
            started = await start_jobs(
                *(self._work, tickets, self._capabilities, self.name, self._put_back),
                have_waited=waited,
            )
            for job, generate, seconds in started:
                in_hand = JobInHand(self._room, seconds)
                self._in_hand[generate.job_id, generate.attempt] = in_hand
                running.create_task(self._run_job(worker, job, generate, in_hand))
        finally:
            self._is_starting = False
            self._note_idle()
        return bool(started)

    async def _run_job(
        self, worker: WorkerConnection, job: Job, generate: Generate, in_hand: JobInHand
    ) -> None:
        key = (generate.job_id, generate.attempt)
        try:
            outcome = await self._outcome(worker, job, generate, in_hand)
        except WorkerDiedError as death:
            self._death.log(job, death)
            is_suspect = not self._restarts.is_asked and self._death.may_be_due_to(key)
            self._work.worker_died(job, death, is_suspect=is_suspect)
        except asyncio.CancelledError:
            await self._put_back(job)
            raise
        else:
            self._restarts.deaths = 1  # its own, some day
            self._jobs_made += 1
            self._known_controls.update(control.kind for control in job.request.controls)
            self._work.job_ended(job, outcome)
        finally:
            del self._in_hand[key]
            in_hand.free()
            self._note_idle()

    async def _outcome(
        self, worker: WorkerConnection, job: Job, generate: Generate, in_hand: JobInHand
    ) -> JobOutcome:
        """Have a job made. Raises WorkerDiedError; of a worker that is silent, WorkerHungError."""
        loop = asyncio.get_running_loop()
        self._last_event_at = loop.time()
        worker.submit(generate)
        heard: set[asyncio.Future[Any]] = {in_hand.outcome, in_hand.started, worker.died}
        limit, known = self._watchdog.silence_limit, self._known_controls
        while (left := self._last_event_at + limit(job, known) - loop.time()) > 0:
            await asyncio.wait(heard, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if in_hand.outcome.done():
                return in_hand.outcome.result()
            if worker.died.done():
                raise worker.died.result()
            # what is known by then of its ControlNets says how long it may be silent
            heard -= {in_hand.started} if in_hand.started.done() else set()
        await worker.kill()
        raise WorkerHungError(limit(job, known))

    async def _put_back(self, job: Job) -> None:
        try:
            await self._work.job_interrupted(job)
        except StorageError as error:  # the next start finds it running, and puts it back
            logger.warning("the job couldn't be put back: %s", error)

    def _handle_event(self, event: JobEvent) -> None:
        """Take in what the worker says of a job in hand, and nothing of an attempt that is over."""
        in_hand = self._in_hand.get((event.job_id, event.attempt))
        if in_hand is None:
            return
        self._last_event_at = asyncio.get_running_loop().time()
        match event:
            case Started():
                in_hand.start()
                self._work.job_begun(event.job_id)
            case Progress():
                in_hand.is_computed |= event.stage == SAVE
                self._work.job_progressed(event)
            case SlotFreed(room=room):
                in_hand.free(room)
            case _:
                in_hand.end(event)

    def _note_idle(self) -> None:
        if not self._in_hand and not self._is_starting:
            self._room.note_empty()
            self._idle.set()

    async def _next_ticket(self, worker: WorkerConnection) -> Ticket | None:
        """Return the next ticket, None where the worker is dead or can do something else now; no
        drawn ticket is dropped.
        """
        if (ticket := self._choice.take_ticket()) is not None:
            return ticket
        if self._draining.is_set() or self._capabilities is None:
            await asyncio.wait((worker.died,))
            return None
        drawing = asyncio.ensure_future(self._work.next_ticket(self._capabilities))
        self._drawing = drawing
        try:
            await asyncio.wait((drawing, worker.died), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not drawing.done():
                drawing.cancel()
        return drawing.result() if drawing.done() and not drawing.cancelled() else None

    def _mend_model(self, model: str) -> None:
        """Let a model that couldn't be loaded be tried again."""
        self._choice.mend(model)
        if self._capabilities is not None:
            self._note_able()
            if self._drawing is not None:
                self._drawing.cancel()  # it asks for what could be done before

    def _gives_up_model(self, error: WorkerStartError | WorkerDiedError) -> bool:
        """Go on with another model where this one can't be loaded; return whether there is one."""
        ticket = self._choice.take_ticket()
        if ticket is not None:
            self._work.return_ticket(ticket)
        given_up = self._choice.give_up(error, was_changing=ticket is not None)
        if given_up is None:
            return False
        asyncio.get_running_loop().call_later(_BROKEN_SECONDS, self._mend_model, given_up.model)
        self._work.model_broken(self.key, given_up.model, given_up.failure)
        self._restarts.deaths = 1
        return True

    def _note_start_failure(self, error: WorkerStartError | WorkerDiedError) -> None:
        level = logging.INFO if _is_lost(error) else logging.ERROR
        logger.log(level, "the worker on %s can't start: %s", self.name, error)
        if self._gives_up_model(error):
            return
        if isinstance(error, WorkerStartError):
            self.failure, self.has_failed = error.failure, True
        elif _is_lost(error):
            text = Text("The worker on {device} can't be reached.", device=self.name)
            self.failure = Failure.of(error, text)
        elif self._restarts.deaths >= _DEATHS_TO_REPORT:
            self.has_failed = self._restarts.deaths >= _DEATHS_TO_GIVE_UP
            text = Text(
                "The generator process crashes while starting ({reason}); the bot's log says more.",
                reason=error.reason,
            )
            self.failure = Failure.of(error, text)
        if self.failure:
            self._report_state()


def _is_lost(error: WorkerStartError | WorkerDiedError) -> bool:
    """Return whether a worker is gone with its host, which is nobody's fault here."""
    return error.kind is FailureKind.LOST_HOST
