"""Work that goes on in the background of a service; what fails there is logged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from bot.core.logs import job_context
from bot.storage.models import Job

logger = logging.getLogger(__name__)


class BackgroundTasks:
    """Keeps each task until it is done: the event loop alone would let go of it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Have work done."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._note_done)

    def start_for(self, job: Job, work: Coroutine[Any, Any, None]) -> None:
        """Have work done whose log lines are marked with a job."""
        with job_context(job.id, **job.origin.ids):  # a task keeps the context it was made in
            self.start(work)

    async def wait(self, seconds: float | None = None) -> None:
        """Wait until all is done, or for so long."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    async def cancel(self) -> None:
        """End what isn't done."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _note_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a job's task failed", exc_info=error)
