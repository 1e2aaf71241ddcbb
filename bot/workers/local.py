"""Workers that are processes on this machine.

The bot's own directories are the worker's, so no file is copied: a request's files are blobs, and
what is made lies where the bot would put it.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from bot.core.errors import BotError, WorkerDiedError, WorkerStartError
from bot.jobs.outcomes import MadeFile
from bot.workers.backend import EventCallback
from generator.contract.errors import Failure, FailureKind
from generator.contract.messages import (
    Cancel,
    Event,
    Finished,
    Generate,
    Progress,
    Ready,
    StartFailed,
    output_name,
)
from generator.contract.text import Text
from generator.contract.worker_settings import WorkerSettings
from generator.worker.child import WorkerChild

T = TypeVar("T")


class LocalBackend:
    """Starts processes that read files in ``files``, the blobs, and write in ``outputs``."""

    def __init__(self, *, files: Path, outputs: Path) -> None:
        self._files = files
        self._outputs = outputs

    async def start(self, settings: WorkerSettings, on_event: EventCallback) -> LocalConnection:
        """Spawn a process."""
        here = replace(settings, files=str(self._files), outputs=str(self._outputs))
        try:
            child = await WorkerChild.start(here)
        except OSError as error:
            text = Text(
                "The generator process can't be started ({reason}); check what the machine "
                "has run out of.",
                reason=error,
            )
            raise WorkerStartError(
                Failure(FailureKind.INTERNAL, text, is_retryable=True)
            ) from error
        return LocalConnection(child, self._outputs, on_event)


class LocalConnection:
    """A started generator process: loading, ready or dead."""

    memory_limit_bytes = None

    def __init__(self, child: WorkerChild, outputs: Path, on_event: EventCallback) -> None:
        loop = asyncio.get_running_loop()
        self._child = child
        self._outputs = outputs
        self._on_event = on_event
        self._ready: asyncio.Future[Ready] = loop.create_future()
        self._died: asyncio.Future[WorkerDiedError] = loop.create_future()
        child.died.add_done_callback(self._handle_death)
        child.listen(self._handle_event)

    @property
    def name(self) -> str:
        return f"process {self.pid}"

    @property
    def pid(self) -> int | None:
        return self._child.pid

    @property
    def memory_bytes(self) -> int | None:
        return self._child.memory_bytes

    @property
    def died(self) -> asyncio.Future[WorkerDiedError]:
        return self._died

    async def ready(self) -> Ready:
        """Wait until the model is loaded. Raises WorkerStartError, WorkerDiedError."""
        return await asyncio.shield(self._ready)

    def submit(self, job: Generate) -> None:
        """Hand the process a job; where it is gone already, its death will say so."""
        self._child.send(job)

    def cancel(self, job_id: str, attempt: int) -> None:
        """Ask the process to stop this attempt."""
        self._child.send(Cancel(job_id, attempt))

    async def stop(self) -> None:
        """Have the process leave, or kill it."""
        await self._child.stop()

    async def kill(self) -> None:
        """Kill the process, and wait until it is gone."""
        await self._child.kill()

    def _handle_event(self, event: Event) -> None:
        match event:
            case Ready():
                _set_result(self._ready, event)
            case StartFailed(failure=failure):
                _set_exception(self._ready, WorkerStartError(failure))
            case Progress(preview=preview) if preview:
                self._on_event(replace(event, preview=str(self._outputs / Path(preview).name)))
            case Finished(job_id, attempt, output, seconds, size_bytes, gpu_peak, gpu):
                path = self._outputs / output_name(job_id, attempt, output.suffix)
                self._on_event(MadeFile(job_id, attempt, path, seconds, size_bytes, gpu_peak, gpu))
            case _:
                self._on_event(event)

    def _handle_death(self, exit_code: asyncio.Future[int | None]) -> None:
        death = WorkerDiedError(exit_code.result())
        _set_result(self._died, death)
        _set_exception(self._ready, death)


def _set_result(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _set_exception(future: asyncio.Future[Ready], error: BotError) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # nobody may be waiting; that is no error
