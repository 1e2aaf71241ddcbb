"""Workers that are processes on this machine, seen from the event loop.

Their events are read the moment they arrive and their death is seen as EOF on the same pipe;
nothing polls. The bot's own directories are the worker's, so no file is copied: a request's files
are blobs, and what is made lies where the bot would put it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from bot.core.errors import BotError, WorkerDiedError, WorkerStartError
from bot.jobs.outcomes import MadeFile
from bot.workers.backend import EventCallback
from generator.contract.errors import Failure, FailureKind, MessageError
from generator.contract.messages import (
    Cancel,
    Command,
    Event,
    Finished,
    Generate,
    Progress,
    Ready,
    Shutdown,
    StartFailed,
    output_name,
)
from generator.contract.text import Text
from generator.contract.worker_settings import WorkerSettings
from generator.worker import process

T = TypeVar("T")

logger = logging.getLogger(__name__)

_EVENTS_AT_ONCE = 100  # then the loop gets its turn, whatever floods the pipe
_STOP_SECONDS = 3.0


class LocalBackend:
    """Starts processes that read files in ``files``, the blobs, and write in ``outputs``."""

    def __init__(self, *, files: Path, outputs: Path) -> None:
        self._files = files
        self._outputs = outputs

    async def start(self, settings: WorkerSettings, on_event: EventCallback) -> LocalConnection:
        """Spawn a process, in a thread because that takes some milliseconds."""
        here = replace(settings, files=str(self._files), outputs=str(self._outputs))
        try:
            handle = await asyncio.to_thread(process.start, here)
        except OSError as error:
            text = Text(
                "The generator process can't be started ({reason}); check what the machine "
                "has run out of.",
                reason=error,
            )
            raise WorkerStartError(
                Failure(FailureKind.INTERNAL, text, is_retryable=True)
            ) from error
        return LocalConnection(handle, self._outputs, on_event)


class LocalConnection:
    """A started generator process: loading, ready or dead."""

    def __init__(
        self, handle: process.WorkerHandle, outputs: Path, on_event: EventCallback
    ) -> None:
        loop = asyncio.get_running_loop()
        self._handle = handle
        self._outputs = outputs
        self._on_event = on_event
        self._ready: asyncio.Future[Ready] = loop.create_future()
        self._died: asyncio.Future[WorkerDiedError] = loop.create_future()
        self._reaper: asyncio.Task[None] | None = None
        loop.add_reader(handle.events.fileno(), self._read)

    @property
    def name(self) -> str:
        return f"process {self.pid}"

    @property
    def pid(self) -> int | None:
        return self._handle.process.pid

    @property
    def died(self) -> asyncio.Future[WorkerDiedError]:
        return self._died

    @property
    def memory_bytes(self) -> int | None:
        """The memory that the process holds; None where the system has no /proc."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        except OSError:
            return None
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    async def ready(self) -> Ready:
        """Wait until the model is loaded. Raises WorkerStartError, WorkerDiedError."""
        return await asyncio.shield(self._ready)

    def submit(self, job: Generate) -> None:
        """Hand the process a job; where it is gone already, EOF will say so."""
        self._send(job)

    def cancel(self, job_id: str, attempt: int) -> None:
        """Ask the process to stop this attempt."""
        self._send(Cancel(job_id, attempt))

    async def stop(self) -> None:
        """Tell the process to leave, and kill it where it doesn't or is still loading."""
        if not self._ready.done():
            self._handle.process.kill()
        self._send(Shutdown())
        try:
            # not wait_for: before Python 3.12 that drops a cancellation that comes as it ends
            async with asyncio.timeout(_STOP_SECONDS):
                await asyncio.shield(self._died)
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """Kill the process, and wait until it is gone."""
        self._handle.process.kill()
        await asyncio.shield(self._died)

    def _send(self, command: Command) -> None:
        with contextlib.suppress(OSError):
            self._handle.send(command)

    def _read(self) -> None:
        try:
            for _ in range(_EVENTS_AT_ONCE):
                if not self._handle.events.poll():
                    return
                self._read_one()
        except (EOFError, OSError):
            self._handle_eof()

    def _read_one(self) -> None:
        """Take in one event; of another version's worker nothing is believed."""
        try:
            event = self._handle.receive()
        except MessageError as error:
            logger.warning("an event of %s is refused: %s", self.name, error)
            _set_exception(self._ready, WorkerStartError(Failure.of(error)))
        else:
            self._handle_event(event)

    def _handle_event(self, event: Event) -> None:
        match event:
            case Ready():
                _set_result(self._ready, event)
            case StartFailed(failure=failure):
                _set_exception(self._ready, WorkerStartError(failure))
            case Progress(preview=preview) if preview:
                self._on_event(replace(event, preview=str(self._outputs / Path(preview).name)))
            case Finished(job_id, attempt, output, seconds, size_bytes):
                path = self._outputs / output_name(job_id, attempt, output.suffix)
                self._on_event(MadeFile(job_id, attempt, path, seconds, size_bytes))
            case _:
                self._on_event(event)

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
        _set_result(self._died, death)
        _set_exception(self._ready, death)


def _set_result(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _set_exception(future: asyncio.Future[Ready], error: BotError) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # nobody may be waiting; that is no error
