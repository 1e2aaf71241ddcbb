"""Queries on ``usage``: the seconds that workers computed for people, by server and day (UTC).

What failed isn't in it, nor what was cancelled before a worker had it. Sums only, so it stays when
a GIF is deleted, and goes when no quota's month has that day any more.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, func, insert, select, update

from bot.storage.models import Job
from bot.storage.tables import usage

NO_SERVER = 0
KEPT_DAYS = 31
# made once, since building them takes longer than running them
_MINE: dict[str, Any] = {name: bindparam(f"its_{name}") for name in ("user_id", "guild_id", "day")}
_ADD = (
    update(usage)
    .where(*(usage.c[name] == value for name, value in _MINE.items()))
    .values(seconds=usage.c.seconds + bindparam("more"), jobs=usage.c.jobs + 1)
)
_FIRST = insert(usage).values(**_MINE, seconds=bindparam("more"), jobs=1)


def note(connection: Connection, job: Job) -> None:
    """Add what a job took that is over now."""
    day = (job.finished_at or datetime.now(UTC)).astimezone(UTC).date().isoformat()
    given = {
        "its_user_id": job.user_id,
        "its_guild_id": job.origin.guild_id or NO_SERVER,
        "its_day": day,
        "more": job.seconds or 0.0,
    }
    if not connection.execute(_ADD, given).rowcount:
        connection.execute(_FIRST, given)


def forget_expired(connection: Connection) -> None:
    """Delete the sums of days that are too long ago for any quota."""
    last = (datetime.now(UTC) - timedelta(days=KEPT_DAYS)).date().isoformat()
    connection.execute(delete(usage).where(usage.c.day < last))


def used(
    connection: Connection, user_id: int, now: datetime, guild_id: int | None = None
) -> tuple[float, float]:
    """Return the seconds of today and of this month, on one server or everywhere."""
    today = now.astimezone(UTC).date().isoformat()
    of_today = case((usage.c.day == today, usage.c.seconds), else_=0.0)
    query = select(func.sum(of_today), func.sum(usage.c.seconds)).where(
        usage.c.user_id == user_id, usage.c.day >= f"{today[:8]}01"
    )
    if guild_id is not None:
        query = query.where(usage.c.guild_id == guild_id)
    day, month = connection.execute(query).one()
    return day or 0.0, month or 0.0
