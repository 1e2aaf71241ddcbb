"""A worker process of this machine, seen from its parent's event loop.

Its events are read the moment they arrive and its death is seen as EOF on the same pipe; nothing
polls. Both kinds of parents stand on this: the bot, for workers beside it, and the agent of a host
elsewhere. What a death means for a job is theirs to say.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import select
from collections.abc import Callable
from pathlib import Path
from typing import Self

from generator.contract.errors import Failure, MessageError
from generator.contract.messages import Command, Event, Ready, Shutdown, StartFailed
from generator.contract.worker_settings import WorkerSettings
from generator.worker import process

logger = logging.getLogger(__name__)

_EVENTS_AT_ONCE = 100  # then the loop gets its turn, whatever floods the pipe
_STOP_SECONDS = 3.0


class WorkerChild:
    """A started process: loading, ready or dead."""

    _on_event: Callable[[Event], None]

    def __init__(self, handle: process.WorkerHandle) -> None:
        self._handle = handle
        self._more = select.poll()  # a connection's own ``poll`` makes one for each call
        self._more.register(handle.events.fileno(), select.POLLIN)
        self._is_ready = False
        self._died: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._reaper: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls, settings: WorkerSettings) -> Self:
        """Spawn a process, in a thread because that takes some milliseconds. Raises OSError."""
        return cls(await asyncio.to_thread(process.start, settings))

    def listen(self, on_event: Callable[[Event], None]) -> None:
        """Have each event handed to ``on_event``, in the event loop, and its death seen."""
        self._on_event = on_event
        asyncio.get_running_loop().add_reader(self._handle.events.fileno(), self._read)

    @property
    def pid(self) -> int | None:
        return self._handle.process.pid

    @property
    def died(self) -> asyncio.Future[int | None]:
        """Done once the process is gone, with its exit code, negative for a signal."""
        return self._died

    @property
    def memory_bytes(self) -> int | None:
        """The memory that the process holds; None where the system has no /proc."""
        try:
            pages = Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]
        except OSError:
            return None
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def send(self, command: Command) -> None:
        """Tell the process; where it is gone already, EOF will say so."""
        with contextlib.suppress(OSError):
            self._handle.send(command)

    async def stop(self) -> None:
        """Tell the process to leave, and kill it where it doesn't or is still loading."""
        if not self._is_ready:
            self._handle.process.kill()
        self.send(Shutdown())
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

    def _read(self) -> None:
        """Take in the event that the loop told of, and those that came since."""
        try:
            for _ in range(_EVENTS_AT_ONCE):
                self._read_one()
                if not self._more.poll(0):
                    return
        except (EOFError, OSError):
            self._handle_eof()

    def _read_one(self) -> None:
        """Take in one event; of another version's worker nothing is believed."""
        try:
            event = self._handle.receive()
        except MessageError as error:
            logger.warning("an event of process %s is refused: %s", self.pid, error)
            if self._is_ready:
                return
            event = StartFailed(Failure.of(error))
        self._is_ready |= isinstance(event, Ready)
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
        code = process.exitcode
        self._handle.close()
        if not self._died.done():  # whoever awaits it may be cancelled, and it with them
            self._died.set_result(code)
