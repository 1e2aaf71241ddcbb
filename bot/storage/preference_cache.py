"""What people and servers set once, kept in memory: every command asks for it.

The bot is the only one to write it (``bot.app.lock``), so what is kept stays true.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from bot.storage import preferences as rows
from bot.storage.database import Database

_KEPT = 20_000  # people and servers; who was forgotten is read again

Values = dict[str, Any]


class Preferences:
    """Plain JSON values by kind (``rows.PERSON``, ``rows.SERVER``) and id; empty where unset."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[tuple[str, int], Values] = OrderedDict()
        self._changes = 0

    async def get(self, kind: str, owner_id: int) -> Values:
        """What stands there now, to read; raises StorageError."""
        key = (kind, owner_id)
        if key in self._kept:
            self._kept.move_to_end(key)
            return dict(self._kept[key])
        before = self._changes
        values = await self._database.read(rows.get, kind, owner_id)
        if self._changes == before:  # else it may be older than what was written meanwhile
            self._keep(key, values)
        return dict(values)

    async def both(self, user_id: int, guild_id: int | None) -> tuple[Values, Values]:
        """A person's, and those of the server they speak from."""
        server = {} if guild_id is None else await self.get(rows.SERVER, guild_id)
        return await self.get(rows.PERSON, user_id), server

    async def change(self, kind: str, owner_id: int, values: Values) -> Values:
        """Sets these, forgets those that are None; returns what stands there now."""
        try:
            now = await self._database.write(rows.change, kind, owner_id, values)
        finally:
            self._changes += 1
            self._kept.pop((kind, owner_id), None)  # even if it failed: who knows what stands there
        self._keep((kind, owner_id), now)
        return dict(now)

    def _keep(self, key: tuple[str, int], values: Values) -> None:
        self._kept[key] = dict(values)
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
