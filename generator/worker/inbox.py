"""What the parent tells a worker, as it comes in."""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Self, cast

from generator.contract import wire
from generator.contract.errors import MessageError
from generator.contract.messages import Cancel, Command, Generate, Shutdown

logger = logging.getLogger(__name__)

WorkerJob = Generate | wire.UnreadableRequestError
"""The latter fails in its turn, and says why."""


class Inbox:
    """Commands as they come in, read by a thread of its own so that Cancel reaches a running job.

    The thread ends the whole process when the parent is gone: nobody wants the result any more.
    ``on_cancel`` is called on it whenever another job is cancelled, ``on_job`` for each that comes.
    """

    def __init__(self, on_cancel: Callable[[], None], on_job: Callable[[WorkerJob], None]) -> None:
        self._on_cancel, self._on_job = on_cancel, on_job
        self._jobs: queue.SimpleQueue[WorkerJob | None] = queue.SimpleQueue()
        self._cancelled: set[tuple[str, int]] = set()
        self._leaving = threading.Event()

    @classmethod
    def listen(
        cls,
        commands: Connection,
        on_cancel: Callable[[], None],
        on_job: Callable[[WorkerJob], None] = lambda _: None,
    ) -> Self:
        """Return an inbox that listens from now on."""
        inbox = cls(on_cancel, on_job)
        threading.Thread(target=inbox._read, args=(commands,), name="commands", daemon=True).start()
        return inbox

    @property
    def is_leaving(self) -> bool:
        """Whether the parent has said Shutdown; then every job is cancelled."""
        return self._leaving.is_set()

    def next_jobs(self) -> list[WorkerJob]:
        """Wait for a job, and for those that are to be computed together with it.

        Return none once the parent has said Shutdown.
        """
        jobs: list[WorkerJob] = []
        left = 1
        while left:
            job = self._jobs.get()
            if job is None or self.is_leaving:
                return []
            jobs.append(job)
            left = job.companions if isinstance(job, Generate) and len(jobs) == 1 else left - 1
        return jobs

    def is_cancelled(self, job: WorkerJob) -> bool:
        """Return whether nobody wants a job any more."""
        return self.is_leaving or (job.job_id, job.attempt) in self._cancelled

    def _read(self, commands: Connection) -> None:
        while True:
            try:
                data = commands.recv_bytes()
            except (EOFError, OSError):
                os._exit(0)  # sys.exit would only end this thread, not the job on the other one
            try:
                self._take(cast(Command, wire.decode(data)))
            except wire.UnreadableRequestError as error:
                self._put(error)
            except MessageError as error:
                logger.warning("a command is refused: %s", error)

    def _take(self, command: Command) -> None:
        match command:
            case Generate():
                self._put(command)
            case Cancel():
                self._cancelled.add((command.job_id, command.attempt))
                self._on_cancel()
            case Shutdown():
                self._leaving.set()
                self._jobs.put(None)
                self._on_cancel()

    def _put(self, job: WorkerJob) -> None:
        self._on_job(job)  # first, so that whoever takes the job finds it known
        self._jobs.put(job)
