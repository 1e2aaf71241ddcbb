"""Who is having everything of theirs erased, and whose commands are being answered just now.

While rows go, nothing of that person's may come: what they ask is refused, what they had begun is
waited for, and what was made for them is withheld.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from bot.core.errors import RefusedError
from generator.contract.text import Text

REFUSAL = Text("Your data is being erased, so nothing new can start; try again in a few minutes.")


class LeavingPeople:
    """The people whose rows are being erased, by their ids."""

    def __init__(self) -> None:
        self._leaving: set[int] = set()
        self._served: Counter[int] = Counter()
        self._changed = asyncio.Event()

    def __contains__(self, user_id: int) -> bool:
        return user_id in self._leaving

    def add(self, user_id: int) -> None:
        """Refuse whatever this person asks from now on."""
        self._leaving.add(user_id)

    def discard(self, user_id: int) -> None:
        """Let this person ask again."""
        self._leaving.discard(user_id)

    def check(self, user_id: int) -> None:
        """Raise RefusedError where a person's rows are being erased."""
        if user_id in self._leaving:
            raise RefusedError(REFUSAL)

    @contextmanager
    def serving(self, user_id: int) -> Iterator[None]:
        """Have an erasure wait until the block is left. Raises RefusedError where there is one."""
        self.check(user_id)
        self._served[user_id] += 1
        try:
            yield
        finally:
            self._served -= Counter((user_id,))  # which keeps no zeros
            self._changed.set()

    async def wait_until_unserved(self, user_id: int) -> None:
        """Wait until nothing that this person asked is being answered."""
        while self._served[user_id]:
            self._changed.clear()
            await self._changed.wait()
