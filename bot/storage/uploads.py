"""Queries on ``brought``: how much each person brought within the last day, by kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from bot.storage.tables import brought

DAY = timedelta(hours=24)


def within_a_day(connection: Connection, user_id: int, kind: str) -> int:
    """The sum of what was noted."""
    query = select(func.coalesce(func.sum(brought.c.amount), 0)).where(
        brought.c.user_id == user_id,
        brought.c.kind == kind,
        brought.c.created_at >= datetime.now(UTC) - DAY,
    )
    return int(connection.execute(query).scalar_one())


def note_within(connection: Connection, user_id: int, kind: str, amount: int, most: int) -> bool:
    """Notes ``amount`` more; False, and nothing is noted, where that would be above ``most``."""
    now = datetime.now(UTC)
    connection.execute(delete(brought).where(brought.c.created_at < now - DAY))
    if within_a_day(connection, user_id, kind) + amount > most:
        return False
    connection.execute(
        insert(brought).values(user_id=user_id, kind=kind, amount=amount, created_at=now)
    )
    return True
