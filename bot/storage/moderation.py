"""Queries on what moderators and the owner decide: blocks, reports, and the log of it all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from bot.storage.tables import audit, blocks, reports

EVERYWHERE = 0
"""The server of a block by the bot's owner."""
PERSON, SERVER = "person", "server"
SHELL = 0
"""The actor of what was done from a shell on the bot's machine; no person's id."""
ERASED = -1
"""Who decided, and had everything of theirs erased since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Who may not make GIFs on a server, or ``EVERYWHERE``; ``until`` None is for good."""

    kind: str  # PERSON or SERVER
    target_id: int
    guild_id: int = EVERYWHERE
    until: datetime | None = None
    reason: str = ""
    name: str = ""  # of a person, as they were called then
    actor_id: int = 0
    created_at: datetime

    @property
    def key(self) -> tuple[str, int, int]:
        return self.kind, self.target_id, self.guild_id

    def holds(self, now: datetime) -> bool:
        """Return whether it isn't over."""
        return self.until is None or now < self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Something that was decided: by whom, on which server (None: everywhere), about what."""

    guild_id: int | None
    actor_id: int
    action: str
    target: str = ""
    detail: str = ""
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What somebody says of a GIF to the moderators of its server, and where they read it."""

    id: str
    job_id: str
    guild_id: int | None
    reporter_id: int
    reason: str
    created_at: datetime
    decision: str = ""  # kept or removed; none yet
    channel_id: int | None = None
    message_id: int | None = None


def all_blocks(connection: Connection) -> list[Block]:
    """Return every block."""
    return [Block(**row) for row in connection.execute(select(blocks)).mappings()]


def put_block(connection: Connection, block: Block, entry: AuditEntry) -> None:
    """Add a block in place of an earlier one of the same."""
    connection.execute(delete(blocks).where(_is(block.key)))
    connection.execute(insert(blocks).values(**asdict(block)))
    record(connection, entry)


def drop_block(connection: Connection, key: tuple[str, int, int], entry: AuditEntry) -> bool:
    """Delete a block; return whether there was one."""
    if not connection.execute(delete(blocks).where(_is(key))).rowcount:
        return False
    record(connection, entry)
    return True


def record(connection: Connection, entry: AuditEntry) -> None:
    """Add to the log, which nothing is taken out of."""
    connection.execute(insert(audit).values(**asdict(entry)))


def logged(connection: Connection, guild_id: int | None, *, limit: int) -> list[AuditEntry]:
    """Return a server's log, the newest first; that of everywhere for None."""
    where = audit.c.guild_id.is_(None) if guild_id is None else audit.c.guild_id == guild_id
    query = select(*(column for column in audit.c if column.name != "number"))
    rows = connection.execute(query.where(where).order_by(audit.c.number.desc()).limit(limit))
    return [AuditEntry(**row) for row in rows.mappings()]


def add_report(connection: Connection, report: Report) -> bool:
    """Add a report; False where this person reported that GIF before."""
    twin = (reports.c.job_id == report.job_id) & (reports.c.reporter_id == report.reporter_id)
    if connection.execute(select(reports.c.id).where(twin)).first() is not None:
        return False
    connection.execute(insert(reports).values(**asdict(report)))
    return True


def note_report_message(
    connection: Connection, report_id: str, channel_id: int, message_id: int
) -> bool:
    """Note where moderators read a report; False where it was erased meanwhile."""
    values = {"channel_id": channel_id, "message_id": message_id}
    noted = update(reports).where(reports.c.id == report_id).values(**values)
    return bool(connection.execute(noted).rowcount)


def report_of(connection: Connection, report_id: str) -> Report | None:
    """Return a report."""
    row = connection.execute(select(reports).where(reports.c.id == report_id)).mappings().first()
    return None if row is None else Report(**row)


def decide(connection: Connection, report_id: str, decision: str, entry: AuditEntry) -> bool:
    """Note what was decided; False where that was done before."""
    is_open = (reports.c.id == report_id) & (reports.c.decision == "")
    if not connection.execute(update(reports).where(is_open).values(decision=decision)).rowcount:
        return False
    record(connection, entry)
    return True


def _is(key: Sequence[Any]) -> Any:
    kind, target_id, guild_id = key
    return (
        (blocks.c.kind == kind)
        & (blocks.c.target_id == target_id)
        & (blocks.c.guild_id == guild_id)
    )
