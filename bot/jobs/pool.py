"""The workers: one process for each device, kept alive, fed from the queue.

A job in hand goes straight to the worker; what became of the last one is written meanwhile, so a
device never waits for the database or for Discord. A worker that dies is replaced at once. One that
can't start is tried again after a growing pause, and the service is told what is wrong.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from bot.errors import WorkerDiedError
from bot.jobs.model import Job
from bot.jobs.queue import Ticket
from bot.jobs.worker import Worker, WorkerBrokenError
from generator.protocol import Generate, Outcome, Progress
from generator.worker import WorkerSettings

logger = logging.getLogger(__name__)

_FIRST_PAUSE = 1.0  # seconds, doubled with every death in a row
_LONGEST_PAUSE = 30.0
_LONGEST_PAUSE_BROKEN = 300.0
_DEATHS_TO_GIVE_UP = 3  # one that was killed while it started is no broken model yet


class Work(Protocol):
    """Where jobs come from and what becomes of them; the service."""

    async def next_ticket(self) -> Ticket: ...

    def return_ticket(self, ticket: Ticket) -> None:
        """Drawn, but nobody is there to do it."""

    async def begin(self, ticket: Ticket) -> tuple[Job, Generate] | None:
        """None where it was cancelled meanwhile."""

    def progressed(self, progress: Progress) -> None: ...

    def ended(self, job: Job, outcome: Outcome) -> None: ...

    def crashed(self, job: Job, death: WorkerDiedError) -> None: ...

    async def interrupted(self, job: Job) -> None:
        """The bot is leaving in the middle of it."""

    def recovered(self) -> None:
        """There is a worker again."""

    def broken(self, reason: str) -> None:
        """No worker is left, and none can be started."""


class Pool:
    """Started and stopped by ``run_pool``."""

    def __init__(self, devices: Sequence[WorkerSettings], work: Work) -> None:
        self._work = work
        self._devices = [_Device(settings, self) for settings in devices]

    def __len__(self) -> int:
        return len(self._devices)

    @property
    def work(self) -> Work:
        return self._work

    @property
    def pids(self) -> list[int]:
        """Of the processes that are alive."""
        workers = (device.worker for device in self._devices)
        return [worker.pid for worker in workers if worker is not None and worker.pid is not None]

    def cancel(self, job_id: str, attempt: int) -> None:
        """Tells every worker; those that have other work ignore it."""
        for device in self._devices:
            if device.worker is not None:
                device.worker.cancel(job_id, attempt)

    async def serve(self) -> None:
        """Keeps all devices at work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for device in self._devices:
                group.create_task(device.serve(), name=f"device {device.name}")

    def report_trouble(self) -> None:
        """Only when the last device is down does the service have to refuse work."""
        if all(device.trouble for device in self._devices):
            self._work.broken(self._devices[0].trouble)


class _Device:
    """One device and the worker on it."""

    def __init__(self, settings: WorkerSettings, pool: Pool) -> None:
        self._settings = settings
        self._pool = pool
        self._deaths = 0  # in a row, without a job made in between
        self.worker: Worker | None = None
        self.trouble = ""

    @property
    def name(self) -> str:
        return self._settings.device

    async def serve(self) -> None:
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
                f"The generator process can't be started ({error}); see what the machine lacks."
            ) from error
        self.worker = worker
        try:
            await self._greet(worker)
            await self._feed(worker)
        finally:
            self.worker = None
            await worker.stop()

    async def _greet(self, worker: Worker) -> None:
        ready = await worker.ready()
        self.trouble = ""
        self._pool.work.recovered()
        logger.info(
            "worker %s ready on %s in %s after %.1f s",
            worker.pid,
            ready.device,
            ready.dtype,
            ready.seconds,
        )

    async def _feed(self, worker: Worker) -> None:
        """Job after job until the worker dies."""
        while not worker.died.done():
            ticket = await self._ticket(worker)
            if ticket is None:
                logger.warning("an idle worker on %s died; starting another", self.name)
            elif worker.died.done():
                self._pool.work.return_ticket(ticket)
            elif (begun := await self._pool.work.begin(ticket)) is not None:
                await self._make(worker, *begun)

    async def _make(self, worker: Worker, job: Job, generate: Generate) -> None:
        work = self._pool.work
        try:
            outcome = await worker.run(generate, work.progressed)
        except WorkerDiedError as death:
            logger.warning("job %s: %s", job.id, death)
            work.crashed(job, death)
        except asyncio.CancelledError:
            await work.interrupted(job)
            raise
        else:
            self._deaths = 1  # its own, some day
            work.ended(job, outcome)

    async def _ticket(self, worker: Worker) -> Ticket | None:
        """The next ticket, or None once the worker is dead; a drawn ticket is never dropped."""
        drawing = asyncio.ensure_future(self._pool.work.next_ticket())
        try:
            await asyncio.wait((drawing, worker.died), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not drawing.done():
                drawing.cancel()
        return drawing.result() if drawing.done() and not drawing.cancelled() else None

    def _failed(self, error: WorkerBrokenError | WorkerDiedError) -> None:
        logger.error("the worker on %s can't start: %s", self.name, error)
        if isinstance(error, WorkerBrokenError):
            self.trouble = str(error)
        elif self._deaths >= _DEATHS_TO_GIVE_UP:
            self.trouble = (
                f"The generator process dies while it starts ({error}); the bot's log says more."
            )
        self._pool.report_trouble()

    def _pause(self) -> float:
        """Seconds until the next start; none after a worker that had done its work till then."""
        if self._deaths <= 1 and not self.trouble:
            return 0.0
        longest = _LONGEST_PAUSE_BROKEN if self.trouble else _LONGEST_PAUSE
        return min(_FIRST_PAUSE * 2.0 ** (self._deaths - 2), longest)


@asynccontextmanager
async def run_pool(pool: Pool) -> AsyncIterator[asyncio.Task[None]]:
    """Serves inside, stops every process on the way out; the task ends only by a bug."""
    serving = asyncio.create_task(pool.serve(), name="pool")
    try:
        yield serving
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
