"""The sandbox's time, which a test can move forward, and waiting until something has changed.

Knows nothing of Discord.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

T = TypeVar("T")


class Clock:
    """Epoch seconds that can be moved forward, so that a token's 15 minutes pass at once."""

    def __init__(self) -> None:
        self._added = 0.0

    def now(self) -> float:
        return time.time() + self._added

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass. Raises ValueError for a negative number."""
        if seconds < 0:
            raise ValueError("Time can only be moved forward.")
        self._added += seconds


class Changes:
    """Lets a coroutine sleep until something happened and a condition holds."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    def notify(self) -> None:
        for event in self._waiting:
            event.set()

    async def until(self, found: Callable[[], T | None], within: float) -> T:
        """Return the first value of ``found`` but None. Raises TimeoutError after ``within`` s."""
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(within):
                while (value := found()) is None:
                    await event.wait()
                    event.clear()
                return value
        finally:
            self._waiting.discard(event)


def iso(timestamp: float) -> str:
    """Return epoch seconds as Discord writes them."""
    return datetime.fromtimestamp(timestamp, UTC).isoformat()
