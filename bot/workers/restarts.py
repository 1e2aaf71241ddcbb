"""When a device gets another worker: one that grew too large, one that somebody wants replaced, and
after what pause the next one is started.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from bot.workers.backend import WorkerConnection

logger = logging.getLogger(__name__)

_FIRST_DELAY = 1.0  # seconds, doubled with every death in a row
_LONGEST_DELAY = 30.0
_LONGEST_DELAY_FAILED = 300.0
_DOUBLINGS = 10  # enough for the longest


class Restarts:
    """``deaths`` counts those in a row, without a job made in between."""

    def __init__(self) -> None:
        self.deaths = 0
        self._asked = asyncio.Event()

    @property
    def is_asked(self) -> bool:
        """Whether somebody wants the worker that there is replaced."""
        return self._asked.is_set()

    def ask(self) -> None:
        """Have the worker that there is replaced, and the next one started without a pause."""
        self._asked.set()

    async def wait(self, *, is_down: bool, has_failed: bool) -> None:
        """Wait until the next worker is to be started. ``is_down``: the last ones didn't start."""
        delay = self._delay(is_down=is_down, has_failed=has_failed)
        if not self.is_asked:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._asked.wait()
        if self.is_asked:
            self._asked.clear()
            self.deaths = 0

    def _delay(self, *, is_down: bool, has_failed: bool) -> float:
        """Return seconds; 0 after a worker that had done its work."""
        if self.deaths <= 1 and not is_down:
            return 0.0
        longest = _LONGEST_DELAY_FAILED if has_failed else _LONGEST_DELAY
        return min(_FIRST_DELAY * 2.0 ** min(self.deaths - 2, _DOUBLINGS), longest)


def is_too_large(worker: WorkerConnection, most_bytes: int) -> bool:
    """Return whether a worker holds more than it may: by its own limit, or else ``most_bytes``."""
    own = worker.memory_limit_bytes
    limit = most_bytes if own is None else own
    held = worker.memory_bytes if limit else None  # it is asked of the system
    if held is None or held <= limit:
        return False
    logger.warning(
        "the worker %s uses %d MB, more than %d; starting another",
        worker.name,
        held // 2**20,
        limit // 2**20,
    )
    return True
