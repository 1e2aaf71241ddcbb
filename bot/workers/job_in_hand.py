"""The jobs that a worker has, as its supervisor waits for them, and its room for others."""

from __future__ import annotations

import asyncio

from bot.jobs.outcomes import JobOutcome
from generator.contract.messages import MAX_AHEAD


class Room:
    """How many more jobs may be handed to a worker; one at first, and then as it says.

    What is computed together takes the room of each, even where there is less: what comes next
    waits until all of it is made up for.
    """

    def __init__(self) -> None:
        self.left = 1
        self._is_there = asyncio.Event()
        self._is_there.set()

    def take(self, jobs: int) -> None:
        """Note that so many were handed over."""
        self._set(self.left - jobs)

    def add(self, jobs: int) -> None:
        """Note that there is room for so many more; of what makes no sense little is believed."""
        self._set(min(self.left + max(0, jobs), MAX_AHEAD))

    def note_empty(self) -> None:
        """Note that the worker has nothing: it can be given something, whatever it said."""
        self._set(max(self.left, 1))

    async def wait(self) -> None:
        """Wait until there is some."""
        await self._is_there.wait()

    def _set(self, left: int) -> None:
        self.left = left
        if left > 0:
            self._is_there.set()
        else:
            self._is_there.clear()


class JobInHand:
    """A job that the worker has, and what is heard of it."""

    def __init__(self, room: Room) -> None:
        loop = asyncio.get_running_loop()
        self._room = room
        self._has_freed = False
        self.started: asyncio.Future[None] = loop.create_future()
        self.is_computed = False  # its file is being written, by a process beside the worker's
        self.outcome: asyncio.Future[JobOutcome] = loop.create_future()

    def start(self) -> None:
        """Note that the worker is at it."""
        if not self.started.done():
            self.started.set_result(None)

    def free(self, room: int = 1) -> None:
        """Note for how many others it leaves room; said twice, that changes nothing."""
        if not self._has_freed:
            self._has_freed = True
            self._room.add(room)

    def end(self, outcome: JobOutcome) -> None:
        """Note the outcome; a second one changes nothing."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)
        self.free()
