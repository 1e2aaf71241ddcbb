"""What people and servers set once, as plain JSON values: queries on ``preferences``, and a cache.

Every command asks for them. The bot is the only one to write them (``bot.app.lock``), so what the
cache has stays true.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from bot.storage.database import Database
from bot.storage.tables import preferences

PERSON = "person"
SERVER = "server"
OWNER, BOT_ITSELF = "owner", 0
"""The kind and id of what the bot keeps for whoever runs it."""
QUOTAS = "quotas"
"""Of a server: seconds of a day and a month by role id, ``EVERYBODY`` for all the others."""
EVERYBODY = "0"
LOG_CHANNEL = "log_channel"
"""Of a server: where moderators read what they are to decide."""
PICTURES = "pictures"
"""Of a server: what is done with pictures in which the detector sees something."""

Values = dict[str, Any]

_MAX_CACHED = 20_000  # people and servers; who was dropped is read again


def get(connection: Connection, kind: str, owner_id: int) -> Values:
    """Return what one of that ``kind`` has set; empty where nothing was."""
    query = select(preferences.c.content).where(
        preferences.c.kind == kind, preferences.c.owner_id == owner_id
    )
    return dict(connection.execute(query).scalar_one_or_none() or {})


def change(connection: Connection, kind: str, owner_id: int, values: Values) -> Values:
    """Set these, forget those that are None; return what stands there now."""
    merged = get(connection, kind, owner_id) | values
    content = {name: value for name, value in merged.items() if value is not None}
    mine = (preferences.c.kind == kind) & (preferences.c.owner_id == owner_id)
    connection.execute(delete(preferences).where(mine))
    row = {"kind": kind, "owner_id": owner_id, "content": content}
    connection.execute(insert(preferences).values(**row))
    return content


class Preferences:
    """The cache: values by kind and id. All methods raise StorageError."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cached: OrderedDict[tuple[str, int], Values] = OrderedDict()
        self._changes = 0

    async def get(self, kind: str, owner_id: int) -> Values:
        """Return what stands there now."""
        key = (kind, owner_id)
        if key in self._cached:
            self._cached.move_to_end(key)
            return dict(self._cached[key])
        before = self._changes
        values = await self._database.read(get, kind, owner_id)
        if self._changes == before:  # else it may be older than what was written meanwhile
            self._cache(key, values)
        return dict(values)

    async def both(self, user_id: int, guild_id: int | None) -> tuple[Values, Values]:
        """Return a person's, and those of the server they speak from."""
        server = {} if guild_id is None else await self.get(SERVER, guild_id)
        return await self.get(PERSON, user_id), server

    async def change(self, kind: str, owner_id: int, values: Values) -> Values:
        """Set these, forget those that are None; return what stands there now."""
        try:
            now = await self._database.write(change, kind, owner_id, values)
        finally:
            self._changes += 1
            # even if it failed: who knows what stands there
            self._cached.pop((kind, owner_id), None)
        self._cache((kind, owner_id), now)
        return dict(now)

    def forget(self, kind: str, owner_id: int) -> None:
        """Forget what one set whose row is gone."""
        self._changes += 1
        self._cached.pop((kind, owner_id), None)

    def _cache(self, key: tuple[str, int], values: Values) -> None:
        self._cached[key] = dict(values)
        if len(self._cached) > _MAX_CACHED:
            self._cached.popitem(last=False)
