"""Queries on ``preferences``: what a person or a server set once, as plain JSON values."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, select

from bot.storage.tables import preferences

PERSON = "person"
SERVER = "server"


def get(connection: Connection, kind: str, owner_id: int) -> dict[str, Any]:
    """Empty where nothing was set."""
    query = select(preferences.c.content).where(
        preferences.c.kind == kind, preferences.c.owner_id == owner_id
    )
    return dict(connection.execute(query).scalar_one_or_none() or {})


def change(
    connection: Connection, kind: str, owner_id: int, values: dict[str, Any]
) -> dict[str, Any]:
    """Sets these, forgets those that are None; returns what stands there now."""
    merged = get(connection, kind, owner_id) | values
    content = {name: value for name, value in merged.items() if value is not None}
    mine = (preferences.c.kind == kind) & (preferences.c.owner_id == owner_id)
    connection.execute(delete(preferences).where(mine))
    row = {"kind": kind, "owner_id": owner_id, "content": content}
    connection.execute(insert(preferences).values(**row))
    return content
