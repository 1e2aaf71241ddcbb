"""Queries on ``word_lists``: what a server's moderators keep out of prompts, as they wrote it."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from bot.storage.tables import word_lists

LIST_KINDS = ("withhold", "spoiler", "allow")


def get(connection: Connection, guild_id: int) -> dict[str, str]:
    """Return a server's lists by their kinds; empty where it has none."""
    query = select(word_lists.c.kind, word_lists.c.content).where(word_lists.c.guild_id == guild_id)
    return {row.kind: row.content for row in connection.execute(query)}


def put(connection: Connection, guild_id: int, kind: str, content: str) -> None:
    """Set one of a server's lists; without content, take it away."""
    mine = (word_lists.c.guild_id == guild_id) & (word_lists.c.kind == kind)
    connection.execute(delete(word_lists).where(mine))
    if content:
        row = {"guild_id": guild_id, "kind": kind, "content": content}
        connection.execute(insert(word_lists).values(**row))
