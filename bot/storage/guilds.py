"""Queries on ``guilds``: which servers the bot is in, and when it was removed from others."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from bot.storage.tables import guilds

_AT_ONCE = 500


def note_members(connection: Connection, guild_ids: Collection[int]) -> None:
    """Note that the bot is in these servers, also where it had left one."""
    known = {row.guild_id: row.left_at for row in connection.execute(select(guilds))}
    back = [each for each in guild_ids if known.get(each) is not None]
    for start in range(0, len(back), _AT_ONCE):
        some = back[start : start + _AT_ONCE]
        connection.execute(update(guilds).where(guilds.c.guild_id.in_(some)).values(left_at=None))
    new = [{"guild_id": each} for each in set(guild_ids).difference(known)]
    if new:
        connection.execute(insert(guilds), new)


def note_left(connection: Connection, guild_id: int, now: datetime) -> None:
    """Note that the bot was removed from a server."""
    here = guilds.c.guild_id == guild_id
    if not connection.execute(select(guilds.c.guild_id).where(here)).first():
        connection.execute(insert(guilds).values(guild_id=guild_id, left_at=now))
    connection.execute(update(guilds).where(here, guilds.c.left_at.is_(None)).values(left_at=now))


def reconcile(connection: Connection, guild_ids: Collection[int], now: datetime) -> None:
    """Note that the bot is in these servers and in no other, whatever it missed meanwhile."""
    note_members(connection, guild_ids)
    there = connection.execute(select(guilds.c.guild_id).where(guilds.c.left_at.is_(None)))
    for gone in set(there.scalars()).difference(guild_ids):
        note_left(connection, gone, now)


def left_before(connection: Connection, moment: datetime) -> list[int]:
    """Return the servers that the bot was removed from before then."""
    query = select(guilds.c.guild_id).where(guilds.c.left_at < moment)
    return list(connection.execute(query.order_by(guilds.c.guild_id)).scalars())


def forget(connection: Connection, guild_id: int) -> bool:
    """Forget a server that was left; False where the bot is back."""
    gone = (guilds.c.guild_id == guild_id) & guilds.c.left_at.is_not(None)
    return bool(connection.execute(delete(guilds).where(gone)).rowcount)
