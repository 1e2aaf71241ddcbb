"""Whose file goes up to the bot: one after the other, and small ones together.

All at once, none would be there for long over a slow line, and whenever that is cut the beginnings
of all would be sent again. One at a time, each would wait for an answer to the one before it, which
takes longer than a small file does. So as much is on its way as of one large file.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from generator.contract.remote import CHUNK_BYTES, CHUNKS_IN_FLIGHT

_SAY_EVERY = 10.0  # seconds


class UploadTurns:
    """Lets files go up in the order in which they were made."""

    def __init__(self) -> None:
        self._free = CHUNKS_IN_FLIGHT
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def turn(self, size: int, say: Callable[[], None]) -> AsyncIterator[None]:
        """Wait until a file of ``size`` bytes may go up, which it does inside.

        ``say`` is called now and then meanwhile: its worker doesn't hang.
        """
        chunks = max(1, min(-(-size // CHUNK_BYTES), CHUNKS_IN_FLIGHT))
        came: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((chunks, came))
        self._let_in()
        try:
            while not came.done():
                await asyncio.wait((came,), timeout=_SAY_EVERY)
                if not came.done():
                    say()
            yield
        finally:
            if came.done():
                self._free += chunks
            else:
                self._waiting.remove((chunks, came))
            self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            chunks, came = self._waiting.popleft()
            self._free -= chunks
            came.set_result(None)
