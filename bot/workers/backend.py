"""What a worker is to the bot, wherever it runs: the protocols that a backend implements.

The pool and its supervisors know no more than what stands here. A backend starts workers of its
kind and carries messages and files to and from them: ``bot.workers.local`` has processes on this
machine. Requests name files by their hash; a backend sees to it that they are where its worker
looks for them, and that a finished file is here before it says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from bot.core.errors import WorkerDiedError
from bot.jobs.outcomes import JobOutcome
from generator.contract.messages import Generate, Progress, Ready, SlotFreed, Started
from generator.contract.worker_settings import WorkerSettings

JobEvent = Started | Progress | SlotFreed | JobOutcome
"""What is heard of a job. A progress's preview is a path on this machine."""

EventCallback = Callable[[JobEvent], None]


class WorkerConnection(Protocol):
    """A worker that was started. Events of it come to the callback that it was started with."""

    @property
    def name(self) -> str:
        """What log lines call it, such as ``process 4711``."""

    @property
    def pid(self) -> int | None:
        """Its process on this machine; None where it is elsewhere."""

    @property
    def memory_bytes(self) -> int | None:
        """The memory that its process holds; None where that is unknown."""

    @property
    def memory_limit_bytes(self) -> int | None:
        """What its process may hold where it is; None where that is the bot's to say."""

    @property
    def died(self) -> asyncio.Future[WorkerDiedError]:
        """Done once the worker is gone, with how: by itself, or with its host (HostLostError)."""

    async def ready(self) -> Ready:
        """Wait until it takes jobs. Raises WorkerStartError, WorkerDiedError."""

    def submit(self, job: Generate) -> None:
        """Hand it a job; what becomes of that is an event, or ``died``.

        It has room for one, and for others after ``SlotFreed`` or an outcome. The companions of
        one that has some are handed over right behind it.
        """

    def cancel(self, job_id: str, attempt: int) -> None:
        """Ask it to stop this attempt; nothing happens where it hasn't got that."""

    async def stop(self) -> None:
        """Have it leave soon, whatever it is at; return once it is gone."""

    async def kill(self) -> None:
        """End it at once, since it doesn't respond; return once it is gone."""


class WorkerBackend(Protocol):
    """Starts workers of one kind."""

    async def start(self, settings: WorkerSettings, on_event: EventCallback) -> WorkerConnection:
        """Start a worker, which loads its model meanwhile.

        ``on_event`` is called in the event loop. Raises WorkerStartError, and HostLostError where
        the worker's host can't be reached.
        """
