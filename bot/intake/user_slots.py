"""Shares what few can do at once fairly among people.

People are served in rounds, whoever was served longest ago first, so that a hundred presses of one
person hold nobody else up. One event loop, no threads, no clock.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.core.errors import RefusedError
from generator.contract.text import plural

_REMEMBERED = 10_000  # people


class UserSlots:
    """A limit of ``at_once`` for all and ``each`` for one person, of whom ``waiting`` more may
    wait.
    """

    def __init__(self, *, at_once: int, each: int, waiting: int) -> None:
        self._free = at_once
        self._each = each
        self._most_waiting = waiting
        self._running: Counter[int] = Counter()
        self._waiting: dict[int, deque[asyncio.Future[None]]] = {}
        self._served: OrderedDict[int, None] = OrderedDict()  # whoever was served last stands last

    @asynccontextmanager
    async def slot(self, user_id: int) -> AsyncIterator[None]:
        """Wait for a slot. Raises RefusedError where too many of this person's wait already."""
        await self._begin(user_id)
        try:
            yield
        finally:
            self._end(user_id)

    async def _begin(self, user_id: int) -> None:
        mine = self._waiting.get(user_id, deque())
        if len(mine) >= self._most_waiting + self._each - self._running[user_id]:
            raise RefusedError(
                plural(
                    "One of your edits or contact sheets is already waiting; wait until it is "
                    "done.",
                    "{count} of your edits and contact sheets are already waiting; wait until "
                    "one is done.",
                    len(mine),
                )
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        mine.append(turn)
        self._waiting[user_id] = mine
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._end(user_id)  # it was served in the same moment
            else:
                self._forget(user_id, turn)
            raise

    def _serve(self) -> None:
        """Start as many as may start."""
        while self._free and (user_id := self._next()) is not None:
            turn = self._waiting[user_id][0]
            self._forget(user_id, turn)
            if turn.done():
                continue  # cancelled while it waited
            self._free -= 1
            self._running[user_id] += 1
            self._served.pop(user_id, None)
            self._served[user_id] = None
            if len(self._served) > _REMEMBERED:
                self._served.popitem(last=False)
            turn.set_result(None)

    def _next(self) -> int | None:
        """Return who waits, may start, and was served longest ago, or never."""
        able = [user for user in self._waiting if self._running[user] < self._each]
        never = [user for user in able if user not in self._served]
        if never or not able:
            return never[0] if never else None
        return next(user for user in self._served if user in able)

    def _forget(self, user_id: int, turn: asyncio.Future[None]) -> None:
        mine = self._waiting.get(user_id, deque())
        if turn in mine:
            mine.remove(turn)
        if not mine:
            self._waiting.pop(user_id, None)

    def _end(self, user_id: int) -> None:
        self._free += 1
        self._running[user_id] -= 1
        if not self._running[user_id]:
            del self._running[user_id]
        self._serve()
