"""Queries on ``daily_usage``: how much each person used within the last day, by kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from bot.storage.tables import daily_usage

DAY = timedelta(hours=24)


def within_a_day(connection: Connection, user_id: int, kind: str) -> int:
    """Return the sum of what was noted of one kind within the last day."""
    query = select(func.coalesce(func.sum(daily_usage.c.amount), 0)).where(
        daily_usage.c.user_id == user_id,
        daily_usage.c.kind == kind,
        daily_usage.c.created_at >= datetime.now(UTC) - DAY,
    )
    return int(connection.execute(query).scalar_one())


def forget_expired(connection: Connection) -> None:
    """Delete what no quota looks at any more."""
    connection.execute(
        delete(daily_usage).where(daily_usage.c.created_at < datetime.now(UTC) - DAY)
    )


def note_within(connection: Connection, user_id: int, kind: str, amount: int, most: int) -> bool:
    """Note ``amount`` more; False, and nothing is noted, where that is above ``most``."""
    now = datetime.now(UTC)
    forget_expired(connection)
    if within_a_day(connection, user_id, kind) + amount > most:
        return False
    connection.execute(
        insert(daily_usage).values(user_id=user_id, kind=kind, amount=amount, created_at=now)
    )
    return True
