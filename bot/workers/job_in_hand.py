"""A job that a worker has, as its supervisor waits for it."""

from __future__ import annotations

import asyncio

from bot.jobs.outcomes import JobOutcome


class JobInHand:
    """A job that the worker has, and what is heard of it."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.started: asyncio.Future[None] = loop.create_future()
        self.is_computed = False  # its file is being written, by a process beside the worker's
        self.slot_freed = asyncio.Event()
        self.outcome: asyncio.Future[JobOutcome] = loop.create_future()

    def start(self) -> None:
        """Note that the worker is at it."""
        if not self.started.done():
            self.started.set_result(None)

    def end(self, outcome: JobOutcome) -> None:
        """Note the outcome; a second one changes nothing."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)
        self.slot_freed.set()
