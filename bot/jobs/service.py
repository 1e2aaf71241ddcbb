"""A job's life: what happens to it, from the command to the posted result.

Commands and buttons call ``accept`` and ``cancel``; workers report through the ``Work`` methods, of
which ``bot.jobs.worker_events`` has those about themselves; what people see goes out through the
``Notifier`` that was registered. States change in the ``JobStore``, conditionally, so whoever
speaks too late changes nothing. Nothing here knows Discord.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from bot.core.errors import RefusedError, StorageError, WorkerDiedError
from bot.core.logs import job_context
from bot.jobs.availability import Availability
from bot.jobs.background import BackgroundTasks
from bot.jobs.batches import go_together
from bot.jobs.completion import JobCompleter
from bot.jobs.cost_history import CostHistory
from bot.jobs.enqueuer import Enqueuer
from bot.jobs.estimator import JobEstimator, Status
from bot.jobs.gate import Actor, Gate, Place, check_may_cancel
from bot.jobs.holds import Holds
from bot.jobs.needs import JobNeeds
from bot.jobs.notifier import Notifier, PeoplesNotifier
from bot.jobs.outcome_handler import OutcomeHandler
from bot.jobs.outcomes import JobOutcome, MadeFile
from bot.jobs.queue import FairQueue, ModelChanges, Ticket
from bot.jobs.roster import WorkerRoster
from bot.jobs.store import RETRY_SECONDS, JobStore, now
from bot.jobs.transitions import log_transition
from bot.jobs.work_observer import WorkObserver
from bot.jobs.worker_events import WorkerEvents
from bot.storage.blobs import BlobStore
from bot.storage.models import Attachment, Job, Origin, State
from generator.contract.errors import FailureKind
from generator.contract.messages import Capabilities, Generate, LoadableModel, Progress, Request
from generator.contract.text import Text

logger = logging.getLogger(__name__)

_CLOSE_SECONDS = 5.0
_CANCEL_TRIES = 3  # a job may move on between the look and the write


class JobService(WorkerEvents):
    """Decides what happens to jobs; the store has where they stand."""

    def __init__(
        self,
        store: JobStore,
        *,
        notifier: Notifier,
        blobs: BlobStore,
        gate: Gate,
        model: str,
        cost_history: CostHistory,
        workers: int,
        learn_models: Callable[[Sequence[LoadableModel]], None] = lambda _: None,
    ) -> None:
        store.transitions.subscribe(log_transition)
        notifier = PeoplesNotifier(notifier)
        changes = ModelChanges(
            holders=lambda model: roster.holders(model),  # noqa: PLW0108 - it is made later
            takes_seconds=cost_history.change_seconds,
        )
        self.holds = Holds(lambda: queue.note_workers_changed())  # noqa: PLW0108 - it is made later
        queue = FairQueue(
            lambda needs: roster.lacking(needs) is None, is_held=self.holds.has, changes=changes
        )
        self._gate = gate
        self._model = model
        self._enqueuer = Enqueuer(
            store,
            notifier,
            queue,
            model,
            estimate=cost_history.estimate,
            stop=lambda *run: self._stop_worker(*run),  # noqa: PLW0108 - it is registered later
        )
        roster = WorkerRoster(queue.note_workers_changed, self._enqueuer.is_avoided)
        super().__init__(
            roster=roster,
            estimator=JobEstimator(store, queue, cost_history, workers=workers),
            availability=Availability(roster),
            completer=JobCompleter(store, notifier, blobs, gate),
            queue=queue,
            store=store,
            notifier=notifier,
            cost_history=cost_history,
            tasks=BackgroundTasks(),
            learn_models=learn_models,
        )
        self._outcomes = OutcomeHandler(
            completer=self._completer,
            enqueuer=self._enqueuer,
            roster=roster,
            estimator=self._estimator,
            cost_history=cost_history,
            tasks=self._tasks,
        )
        self._stop_worker: Callable[[str, int], None] = _no_workers
        self._observers: list[WorkObserver] = []

    def register_workers(self, stop: Callable[[str, int], None]) -> None:
        """Have ``stop(job_id, attempt)`` called when a running job is cancelled."""
        self._stop_worker = stop

    def register_observer(self, observer: WorkObserver) -> None:
        """Have ``observer`` told, too, what workers do with jobs."""
        self._observers.append(observer)

    # -- for commands and buttons ------------------------------------------------------------------

    @asynccontextmanager
    async def accept(
        self,
        origin: Origin,
        request: Request,
        attachments: Sequence[Attachment] = (),
        *,
        actor: Actor,
        place: Place,
    ) -> AsyncIterator[Job]:
        """Write the rows; the job may start once the block is left, however it is left.

        The ``attachments`` are in the blob store already; ``actor`` and ``place`` are what the gate
        judges by. Discord is answered inside the block, so no result can come before the answer.
        Raises RefusedError, and nothing was kept.
        """
        needs = JobNeeds.of(request, self._model)
        self._availability.check_accepts(needs)
        self.holds.check_accepts(needs)
        admission = await self._gate.check_request(
            actor, place, request, attachments, style=origin.style
        )
        job = await self._store.add(origin, request, needs.model, attachments, admission=admission)
        with job_context(job.id, **job.origin.ids):
            try:
                yield job
            finally:
                self._enqueuer.enqueue(job)

    def note_answer(self, job_id: str, message_id: int | None) -> None:
        """Remember the progress message, for when the interaction's token has expired."""
        self._store.note_answer(job_id, message_id)

    async def save_answer(self, job_id: str) -> None:
        """Write what ``note_answer`` was given, for a job that waits long."""
        await self._store.save_answer(job_id)

    async def cancel(
        self, job_id: str, *, by: int, manages_guild: int | None = None, is_free: bool = False
    ) -> Job:
        """End a job at once. ``manages_guild``: the server whose jobs this person may cancel.

        Whoever cancels their own pays what a worker did of it by then, unless it ``is_free``.
        Raises RefusedError where it is somebody else's, or over, or on its way already.
        """
        for _ in range(_CANCEL_TRIES):
            job = self._store.get(job_id)
            if job is None:
                break
            check_may_cancel(job, by, manages_guild)
            is_paid = by == job.user_id and not is_free
            seconds = self._estimator.seconds_at_work(job_id) if is_paid else None
            cancelled = await self._store.move(
                job, State.CANCELLED, finished_at=now(), seconds=seconds
            )
            if cancelled is not None:
                self._queue.remove(job_id)
                self._stop_worker(job_id, job.attempt)
                self._tasks.start_for(cancelled, self._completer.notify_owner(cancelled))
                return cancelled
        raise RefusedError(
            "That GIF is no longer waiting or running; /history shows what became of it."
        )

    def alert_owner(self, words: Text) -> None:
        """Tell whoever runs the bot."""
        self._alert(words)

    def release(self, job: Job, *, allowed_by: int) -> None:
        """Deliver a file that was withheld; that it may be stands in the database already."""
        self._tasks.start_for(job, self._completer.release(job, allowed_by))

    async def take_down(self, job: Job) -> bool:
        """Take away what was posted of a job that was erased; return whether that was done."""
        return await self._notifier.take_down(job)

    def unfinished_job(self, job_id: str) -> Job | None:
        """Return a job; None when it is over."""
        return self._store.get(job_id)

    def unfinished_in(self, group_id: str) -> list[Job]:
        """Return the variations of one message that aren't over."""
        return self._store.in_group(group_id)

    def status(self, job_id: str) -> Status | None:
        """Return what can be said of an unfinished job; None when it is over."""
        job = self._store.get(job_id)
        if job is None:
            return None
        reason = self._availability.why_all_wait()
        if job.state is not State.QUEUED or reason:
            return self._estimator.status(job, reason)
        needs = self._enqueuer.needs(job)
        if (held := self.holds.reason(needs)) is not None:
            return self._estimator.status(job, held)
        lacking = self._roster.lacking(needs)
        return replace(self._estimator.status(job, lacking), is_unmatched=lacking is not None)

    def waiting_or_running(
        self, user_id: int | None = None, *, limit: int | None = None
    ) -> list[Status]:
        """Return one person's unfinished jobs, or all people's: those at work, then in order."""
        people = (job for job in self._store if not job.origin.is_background)
        jobs = [job for job in people if user_id in (None, job.user_id)]
        jobs.sort(key=self._sort_key)
        statuses = (self.status(job.id) for job in jobs[:limit])
        return [status for status in statuses if status is not None]

    def of_people(self) -> list[Job]:
        """Return people's unfinished jobs, in the order in which they were accepted."""
        return [job for job in self._store if not job.origin.is_background]

    def clip_pixels(self, model: str) -> int | None:
        """Return how many pixels a clip by a model may have in all its frames; None: any."""
        return self._roster.clip_pixels(model or self._model)

    def models(self) -> frozenset[str]:
        """Return the models that a connected worker holds or can load, and that aren't paused."""
        return self._roster.models().difference(self.holds.models)

    @property
    def unfinished(self) -> int:
        """The number of people's unfinished jobs."""
        return self._store.of_people

    @property
    def why_all_wait(self) -> Text | None:
        """Why nothing is made at the moment, or accepted any more; None where all is well."""
        return self._availability.why_all_wait() or self.holds.why_all_wait()

    def _sort_key(self, job: Job) -> tuple[bool, int, int]:
        waits = job.state is State.QUEUED
        return waits, self._queue.position(job.id) if waits else 0, job.number

    # -- for the workers (``bot.workers.work.Work``) -----------------------------------------------

    async def next_ticket(self, capabilities: Capabilities) -> Ticket:
        """Wait for the next ticket in turn that such a worker can make."""
        return await self._queue.get_for(lambda: self._roster.fit(capabilities))

    def take_waiting(self, capabilities: Capabilities, most: int, seconds: float) -> list[Ticket]:
        """Take out the tickets in turn that wait for such a worker; see ``Work``."""
        return self._queue.take_waiting(self._roster.fit(capabilities), most, seconds)

    def take_companions(self, ticket: Ticket, capabilities: Capabilities) -> list[Ticket]:
        """Take out tickets whose jobs such a worker computes together with a job just started."""
        first = self._store.get(ticket.job_id)
        most = capabilities.clips_together(ticket.needs.frames * ticket.needs.pixels)
        if first is None or most == 1:
            return []
        if not self._estimator.pays_together(first.request, capabilities.device):
            return []

        def is_alike(other: Ticket) -> bool:
            job = self._store.get(other.job_id)
            return job is not None and go_together(first, job)

        return self._queue.take_alike(ticket, self._roster.fit(capabilities), most - 1, is_alike)

    def jobs_together(self, job_ids: Sequence[str]) -> None:
        """Note that jobs that were started are computed together."""
        self._estimator.jobs_together(job_ids)

    def return_ticket(self, ticket: Ticket) -> None:
        """Put back a ticket that was drawn, but that nobody is there to work on."""
        self._queue.put_back(ticket)

    async def start_job(self, ticket: Ticket, device: str) -> tuple[Job, Generate] | None:
        """Hand a job out under a new attempt number; None where it was cancelled meanwhile."""
        job = self._store.get(ticket.job_id)
        if job is None or job.state is not State.QUEUED:
            self._queue.settle(ticket.job_id, ticket.user_id, 0.0)
            return None
        attempt = job.attempt + 1
        try:
            with job_context(job.id, **job.origin.ids):
                running = await self._store.move(
                    job, State.RUNNING, attempt=attempt, started_at=now()
                )
        except StorageError:
            await asyncio.sleep(RETRY_SECONDS)
            self._queue.put_back(ticket)
            return None
        if running is None:
            self._queue.settle(ticket.job_id, ticket.user_id, 0.0)
            return None
        self._estimator.job_started(job.id, device)
        for observer in self._observers:
            observer.job_handed(job.id, device)
        self._notifier.track(running)
        return running, Generate(job.id, attempt, job.request, job.origin.suffix)

    def job_begun(self, job_id: str) -> None:
        """Note that a worker is at a job that it was handed, maybe behind another."""
        self._estimator.job_begun(job_id)
        for observer in self._observers:
            observer.job_begun(job_id)

    def job_progressed(self, progress: Progress) -> None:
        """Take in a step, unless it is of an attempt that is over."""
        job = self._store.get(progress.job_id)
        if job and job.state is State.RUNNING and job.attempt == progress.attempt:
            self._estimator.job_progressed(progress)
            for observer in self._observers:
                observer.job_progressed(progress)

    def job_ended(self, job: Job, outcome: JobOutcome) -> None:
        """End a job in the background; its worker can have the next one."""
        run = self._estimator.job_ended(job.id)
        if isinstance(outcome, MadeFile):
            for observer in self._observers:
                observer.job_made(run.device, outcome)
        self._tasks.start_for(job, self._outcomes.handle(job, outcome, run))

    def worker_died(self, job: Job, death: WorkerDiedError, *, is_suspect: bool = True) -> None:
        """Make a job whose worker died once more, then no more.

        One that is not to blame is made again as often as it takes: its host was lost, or the
        worker was at another job.
        """
        self._estimator.job_ended(job.id)
        # whoever stops the machine may kill the worker first, which is no fault of the job's
        is_lost = bool(self._availability.closed) or death.kind is FailureKind.LOST_HOST
        is_blamed = is_suspect and not is_lost
        outcomes, enqueuer = self._outcomes, self._enqueuer
        self._tasks.start_for(
            job, outcomes.retry_after_death(job, death) if is_blamed else enqueuer.requeue(job)
        )

    async def job_interrupted(self, job: Job) -> None:
        """Put back a job that the bot's end interrupts; the next start makes it."""
        self._estimator.job_ended(job.id)
        with job_context(job.id, **job.origin.ids):
            await self._store.move(job, State.QUEUED)

    # -- start and stop ----------------------------------------------------------------------------

    async def recover(self) -> None:
        """Take up what an earlier run left unfinished, before anything new is accepted."""
        self._queue.load_shares(await self._store.used_lately())
        # before anything is resumed: what fails from now on is told by whoever fails it
        not_notified = await self._store.owner_not_notified()
        async for job in self._store.load():
            with job_context(job.id, **job.origin.ids):
                await self._resume(job)
        for job, allowed_by in await self._store.allowed_not_delivered():
            self.release(job, allowed_by=allowed_by)
        for job in not_notified:
            self._tasks.start_for(job, self._completer.notify_owner(job, again=True))

    def stop_accepting(self, reason: Text) -> None:
        """Refuse new jobs from now on, for this reason."""
        self._availability.closed = reason

    async def close(self) -> None:
        """Let deliveries under way end; what doesn't is taken up by the next start."""
        await self.wait_until_idle(_CLOSE_SECONDS)
        await self._tasks.cancel()
        await self._cost_history.save()
        await self._store.wait_until_written()

    async def wait_until_idle(self, seconds: float | None = None) -> None:
        """Wait until nothing goes on in the background, or for ``seconds``."""
        await self._tasks.wait(seconds)

    async def _resume(self, job: Job) -> None:
        match job.state:
            case State.QUEUED:
                self._enqueuer.enqueue(job)
            case State.DELIVERING if (file := self._completer.result_file(job)) is not None:
                self._tasks.start_for(job, self._completer.deliver(job, file, again=True))
            case State.DELIVERING if job.allowed_by is not None:
                self._tasks.start_for(job, self._completer.settle_allowed(job))
            case State.INTERRUPTED:
                self._tasks.start_for(job, self._completer.settle_interrupted(job))
            case _:
                await self._enqueuer.requeue(job)


def _no_workers(job_id: str, attempt: int) -> None:
    """Stop nobody: nobody works before the workers are registered."""
