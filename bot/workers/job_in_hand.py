"""The jobs that a worker has, as its supervisor waits for them, and its room for others."""

from __future__ import annotations

import asyncio

from bot.jobs.outcomes import JobOutcome
from generator.contract.messages import MAX_AHEAD

MOST_SECONDS = 2.0
"""What a worker has may take it so long, and others be handed to it all the same. It says for how
many such as its last one it has room, and what comes may take longer: whatever lay behind that
would wait there, while other workers come to an end sooner.
"""


class Room:
    """How many more jobs may be handed to a worker; one at first, and then as it says.

    What is computed together takes the room of each, even where there is less: what comes next
    waits until all of it is made up for.
    """

    def __init__(self) -> None:
        self._jobs = 1
        self._seconds = 0.0  # of jobs that were handed over and aren't nearly computed
        self.was_withheld = False  # some of what is left was, for those seconds
        self._is_there = asyncio.Event()
        self._is_there.set()

    @property
    def left(self) -> int:
        """For how many there is room now."""
        return self._jobs if self._seconds <= MOST_SECONDS else 0

    @property
    def seconds_left(self) -> float:
        """How long all but the last of them may take together."""
        return MOST_SECONDS - self._seconds

    def take(self, seconds: float) -> None:
        """Note that a job was handed over that may take so long."""
        self._set(self._jobs - 1, self._seconds + seconds)

    def add(self, jobs: int, seconds: float) -> None:
        """Note that a job that was to take so long is nearly computed, and leaves room for so many
        more; of what makes no sense little is believed.
        """
        self._set(min(self._jobs + max(0, jobs), MAX_AHEAD), self._seconds - seconds)

    def note_empty(self) -> None:
        """Note that the worker has nothing: it can be given something, whatever it said."""
        self._set(max(self._jobs, 1), 0.0)

    async def wait(self) -> None:
        """Wait until there is some."""
        await self._is_there.wait()

    def _set(self, jobs: int, seconds: float) -> None:
        self._jobs, self._seconds = jobs, seconds
        self.was_withheld = jobs > 0 and (self.was_withheld or seconds > MOST_SECONDS)
        if self.left > 0:
            self._is_there.set()
        else:
            self._is_there.clear()


class JobInHand:
    """A job that the worker has, which may take it so many ``seconds``, and what is heard of it."""

    def __init__(self, room: Room, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._room, self._seconds = room, seconds
        room.take(seconds)
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
            self._room.add(room, self._seconds)

    def end(self, outcome: JobOutcome) -> None:
        """Note the outcome; a second one changes nothing."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)
        self.free()
