"""Which servers the bot is in, so that what one set can go once it has removed the bot.

Events are missed while the bot is away, so its list is compared with Discord's at each connection.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import UTC, datetime

from bot.core.errors import StorageError
from bot.storage import guilds
from bot.storage.database import Database

logger = logging.getLogger(__name__)


class ServerDepartures:
    """Notes who comes and goes; what isn't noted is at the next connection."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note_joined(self, guild_id: int) -> None:
        """Note that the bot is in a server: what was to be erased there stays."""
        try:
            await self._database.write(guilds.note_members, [guild_id])
        except StorageError as error:
            logger.warning("a server that the bot joined isn't noted yet: %s", error)

    async def note_left(self, guild_id: int) -> None:
        """Note that the bot was removed from a server."""
        logger.info("removed from a server", extra={"server": guild_id})
        try:
            await self._database.write(guilds.note_left, guild_id, datetime.now(UTC))
        except StorageError as error:
            logger.warning("a server that the bot left isn't noted yet: %s", error)

    async def reconcile(self, guild_ids: Collection[int]) -> None:
        """Note that the bot is in these servers and in no other."""
        try:
            await self._database.write(guilds.reconcile, guild_ids, datetime.now(UTC))
        except StorageError as error:
            logger.warning("which servers the bot is in isn't noted yet: %s", error)
