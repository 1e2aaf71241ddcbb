"""Queries on ``registrations``: which commands Discord was last told of."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from bot.storage.tables import registrations


def commands_hash(connection: Connection, application_id: int) -> str | None:
    """Return the hash of what was registered last for this application."""
    query = select(registrations.c.commands_hash).where(
        registrations.c.application_id == application_id
    )
    return connection.execute(query).scalar_one_or_none()


def save(connection: Connection, application_id: int, commands_hash: str) -> None:
    """Replace what was registered last."""
    mine = registrations.c.application_id == application_id
    connection.execute(delete(registrations).where(mine))
    connection.execute(
        insert(registrations).values(application_id=application_id, commands_hash=commands_hash)
    )
