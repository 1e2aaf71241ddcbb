"""Queries on ``appeals``: what people ask moderators to allow, and what these decided."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from bot.storage import jobs as jobs_rows
from bot.storage import moderation
from bot.storage.models import Job, State
from bot.storage.moderation import AuditEntry
from bot.storage.tables import appeals, jobs

ALLOWED, KEPT = "allowed", "kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeal:
    """A withheld result that somebody wants a moderator to look at; one for a job.

    ``guild_id`` is None where the bot's owner decides. Until its message stands somewhere, it was
    asked for and nobody has seen it.
    """

    job_id: str
    guild_id: int | None
    channel_id: int | None = None
    message_id: int | None = None
    created_at: datetime
    decision: str = ""  # ALLOWED or KEPT; none yet
    decided_by: int | None = None


def put(connection: Connection, appeal: Appeal) -> Appeal:
    """Add an appeal; return the one that there was already, where there was."""
    if (earlier := of_job(connection, appeal.job_id)) is not None:
        return earlier
    connection.execute(insert(appeals).values(**asdict(appeal)))
    return appeal


def note_message(
    connection: Connection, job_id: str, guild_id: int | None, channel_id: int, message_id: int
) -> None:
    """Note where moderators see it, and whose they are."""
    values = {"guild_id": guild_id, "channel_id": channel_id, "message_id": message_id}
    connection.execute(update(appeals).where(appeals.c.job_id == job_id).values(**values))


def of_job(connection: Connection, job_id: str) -> Appeal | None:
    """Return the appeal about a job's result."""
    query = select(appeals).where(appeals.c.job_id == job_id)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else Appeal(**row)


def decide(
    connection: Connection, job_id: str, decision: str, decided_by: int, entry: AuditEntry
) -> bool:
    """Note what was decided; False where that was done before.

    What stays withheld is kept no longer.
    """
    is_open = (appeals.c.job_id == job_id) & (appeals.c.decision == "")
    values = {"decision": decision, "decided_by": decided_by}
    if not connection.execute(update(appeals).where(is_open).values(**values)).rowcount:
        return False
    if decision == KEPT:
        jobs_rows.note(connection, job_id, withheld=None)
    moderation.record(connection, entry)
    return True


def allowed_not_delivered(connection: Connection) -> list[tuple[Job, int]]:
    """Return jobs whose files were allowed and are withheld still, and who allowed them."""
    query = (
        select(jobs.c.id, appeals.c.decided_by)
        .join(appeals, appeals.c.job_id == jobs.c.id)
        .where(
            appeals.c.decision == ALLOWED,
            jobs.c.state == State.FAILED,
            jobs.c.withheld.is_not(None),
        )
    )
    found = connection.execute(query).all()
    with_jobs = [(jobs_rows.get(connection, row.id), row.decided_by) for row in found]
    return [(job, decided_by) for job, decided_by in with_jobs if job is not None]
