"""Queries on ``shares``: the seconds that workers computed for each person lately.

They halve with every ``HALF_LIFE``, so each row is a sum of all that was ever used and needs no
history. What failed isn't in it, nor what was cancelled before a worker had it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from bot.storage.models import Job
from bot.storage.tables import shares
from bot.storage.usage import KEPT_DAYS

HALF_LIFE = 24 * 3600.0
"""Seconds after which what somebody used counts half."""
_FORGOTTEN = 1.0  # seconds, of which nothing hangs on
# made once, since building them takes longer than running them
_MINE = shares.c.user_id == bindparam("its_owner")
_FIND, _CHANGE, _FIRST = select(shares).where(_MINE), update(shares).where(_MINE), insert(shares)


def decayed(seconds: float, age: float) -> float:
    """Return what is left of seconds that were used so long ago."""
    return float(seconds * 2.0 ** (-max(0.0, age) / HALF_LIFE))


def note(connection: Connection, job: Job) -> None:
    """Add what a job took that is over now."""
    now = job.finished_at or datetime.now(UTC)
    found = connection.execute(_FIND, {"its_owner": job.user_id}).one_or_none()
    seconds = job.seconds or 0.0
    if found is None:
        row = {"user_id": job.user_id, "seconds": seconds, "noted_at": now}
        connection.execute(_FIRST, row)
        return
    seconds += decayed(found.seconds, (now - found.noted_at).total_seconds())
    changed = {"its_owner": job.user_id, "seconds": seconds, "noted_at": now}
    connection.execute(_CHANGE, changed)


def forget_expired(connection: Connection) -> None:
    """Delete rows so old that whatever they say counts nothing any more."""
    is_old = shares.c.noted_at < datetime.now(UTC) - timedelta(days=KEPT_DAYS)
    connection.execute(delete(shares).where(is_old))


def load(connection: Connection, now: datetime) -> dict[int, float]:
    """Return what each person has used, as it counts now; rows that count nothing any more go."""
    found = {
        row.user_id: decayed(row.seconds, (now - row.noted_at).total_seconds())
        for row in connection.execute(select(shares))
    }
    gone = [user_id for user_id, seconds in found.items() if seconds < _FORGOTTEN]
    for user_id in gone:
        del found[user_id]
        connection.execute(delete(shares).where(shares.c.user_id == user_id))
    return found
