"""One generator process, seen from the event loop: ready, at work, hung or dead.

Its events are read the moment they arrive and its death is seen as EOF on the same pipe; nothing
polls. A dead process becomes an ordinary ``WorkerDiedError`` with its exit code, and one that says
nothing for too long is killed and becomes a ``WorkerHungError``. Which job it gets and what happens
after its death is the pool's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

from bot.core.errors import BotError, WorkerDiedError, WorkerHungError, WorkerStartError
from generator.contract.messages import (
    Cancel,
    Cancelled,
    Event,
    Failed,
    Finished,
    Generate,
    JobEvent,
    Outcome,
    Progress,
    Ready,
    Shutdown,
    Started,
    StartFailed,
)
from generator.contract.worker_settings import WorkerSettings
from generator.worker import process

T = TypeVar("T")

logger = logging.getLogger(__name__)

_EVENTS_AT_ONCE = 100  # then the loop gets its turn, whatever floods the pipe
_STOP_SECONDS = 3.0


class Worker:
    """A started generator process, which makes one job at a time."""

    def __init__(self, handle: process.WorkerHandle) -> None:
        loop = asyncio.get_running_loop()
        self._handle = handle
        self._ready: asyncio.Future[Ready] = loop.create_future()
        self._exit: asyncio.Future[int | None] = loop.create_future()
        self._job: Generate | None = None
        self._outcome: asyncio.Future[Outcome] | None = None
        self._on_progress: Callable[[Progress], None] | None = None
        self._last_event_at = 0.0  # the last word of its job, by the loop's clock
        self._reaper: asyncio.Task[None] | None = None
        loop.add_reader(handle.events.fileno(), self._read)

    @classmethod
    async def start(cls, settings: WorkerSettings) -> Self:
        """Spawn a process, in a thread because that takes some milliseconds."""
        return cls(await asyncio.to_thread(process.start, settings))

    @property
    def pid(self) -> int | None:
        return self._handle.process.pid

    @property
    def died(self) -> asyncio.Future[int | None]:
        """A future that is done when the process is gone, with its exit code."""
        return self._exit

    @property
    def memory_bytes(self) -> int | None:
        """The memory that the process holds; None where the system has no /proc."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        except OSError:
            return None
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    async def ready(self, *, within: float) -> Ready:
        """Wait until the model is loaded, at most ``within`` seconds.

        Raises WorkerBrokenError, WorkerDiedError, WorkerHungError.
        """
        try:
            return await asyncio.wait_for(asyncio.shield(self._ready), within)
        except TimeoutError:
            await self._kill()
            raise WorkerHungError(within) from None

    async def run(
        self, job: Generate, on_progress: Callable[[Progress], None], *, silence: float
    ) -> Outcome:
        """Have ``job`` made; return what became of it.

        Raises WorkerDiedError, and WorkerHungError after ``silence`` seconds without a word.
        """
        if self._exit.done():
            raise WorkerDiedError(self._exit.result())
        loop = asyncio.get_running_loop()
        self._job = job
        self._on_progress = on_progress
        self._outcome = loop.create_future()
        self._last_event_at = loop.time()
        # where the process is gone already, EOF will end the future
        with contextlib.suppress(OSError):
            self._handle.commands.send(job)
        try:
            while (left := self._last_event_at + silence - loop.time()) > 0:
                done, _ = await asyncio.wait((self._outcome,), timeout=left)
                if done:
                    return self._outcome.result()
            await self._kill()
            raise WorkerHungError(silence)
        finally:
            self._job = self._outcome = self._on_progress = None

    def cancel(self, job_id: str, attempt: int) -> None:
        """Ask the process to stop this attempt; nothing happens where it has another."""
        job = self._job
        if job is None or (job.job_id, job.attempt) != (job_id, attempt):
            return
        with contextlib.suppress(OSError):
            self._handle.commands.send(Cancel(job_id, attempt))

    async def stop(self) -> None:
        """Tell the process to leave, and kill it where it doesn't or is still loading."""
        if not self._ready.done():
            self._handle.process.kill()
        with contextlib.suppress(OSError):
            self._handle.commands.send(Shutdown())
        try:
            await asyncio.wait_for(asyncio.shield(self._exit), _STOP_SECONDS)
        except TimeoutError:
            await self._kill()

    async def _kill(self) -> None:
        self._handle.process.kill()
        await asyncio.shield(self._exit)

    def _read(self) -> None:
        try:
            for _ in range(_EVENTS_AT_ONCE):
                if not self._handle.events.poll():
                    return
                self._handle_event(self._handle.events.recv())
        except (EOFError, OSError):
            self._handle_eof()

    def _handle_event(self, event: Event) -> None:
        match event:
            case Ready():
                _set_result(self._ready, event)
            case StartFailed():
                _set_exception(self._ready, WorkerStartError(event.failure))
            case Started():
                if self._is_mine(event):
                    self._last_event_at = asyncio.get_running_loop().time()
            case Progress():
                if self._on_progress is not None and self._is_mine(event):
                    self._last_event_at = asyncio.get_running_loop().time()
                    self._on_progress(event)
            case Finished() | Failed() | Cancelled():
                if self._outcome is not None and self._is_mine(event):
                    _set_result(self._outcome, event)

    def _is_mine(self, event: JobEvent) -> bool:
        job = self._job
        return job is not None and (event.job_id, event.attempt) == (job.job_id, job.attempt)

    def _handle_eof(self) -> None:
        """Reap the process after EOF: nothing more will come, so the pipe is left alone."""
        asyncio.get_running_loop().remove_reader(self._handle.events.fileno())
        self._reaper = asyncio.create_task(self._reap(), name="worker reaper")

    async def _reap(self) -> None:
        process = self._handle.process
        await asyncio.to_thread(process.join, _STOP_SECONDS)
        if process.is_alive():  # it closed its pipe and stayed
            process.kill()
            await asyncio.to_thread(process.join)
        death = WorkerDiedError(process.exitcode)
        self._handle.close()
        _set_result(self._exit, process.exitcode)
        _set_exception(self._ready, death)
        if self._outcome is not None:
            _set_exception(self._outcome, death)


def _set_result(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _set_exception(future: asyncio.Future[T], error: BotError) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # nobody may be waiting; that is no error
