"""How a table's rows of a person or a server are found, and what is done with them at an erasure.

``bot.storage.personal_data`` says it of every table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, ScalarSelect, Select, Table, or_, select

from bot.storage import tables
from bot.storage.moderation import PERSON

Rows = Callable[[int], ColumnElement[bool]]
"""The rows of a person or a server, by their id."""


@dataclass(frozen=True, slots=True)
class Delete:
    """These rows go."""

    rows: Rows


@dataclass(frozen=True, slots=True)
class Blank:
    """These rows stay, for the reason, without some values; ``rows`` finds them no more then."""

    rows: Rows
    values: Mapping[str, Any]
    why: str


@dataclass(frozen=True, slots=True)
class Keep:
    """These rows stay as they are, for the reason."""

    rows: Rows
    why: str


Erasure = Delete | Blank | Keep


def _no_blobs(_: RowMapping) -> Iterator[str | None]:
    return iter(())


def _no_messages(_: RowMapping) -> Iterator[tuple[int, int | None]]:
    return iter(())


@dataclass(frozen=True, slots=True, kw_only=True)
class TableData:
    """One table. ``blobs`` and ``messages`` are what hangs on a row that goes."""

    table: Table
    of_person: tuple[Erasure, ...] = ()
    of_server: tuple[Erasure, ...] = ()
    export: Rows | None = None
    exported: tuple[str, ...] = ()
    unexported: Mapping[str, str] = field(default_factory=dict)  # columns, and why
    blobs: Callable[[RowMapping], Iterator[str | None]] = _no_blobs
    messages: Callable[[RowMapping], Iterator[tuple[int, int | None]]] = _no_messages
    nobodys: str = ""  # why no row is a person's


# -- how rows are found ----------------------------------------------------------------------------


def is_(table: Table, column: str, **more: object) -> Rows:
    """Return what finds rows whose ``column`` is the id."""

    def rows(its_id: int) -> ColumnElement[bool]:
        found: ColumnElement[bool] = table.c[column] == its_id
        for name, value in more.items():
            found &= table.c[name] == value
        return found

    return rows


def own_jobs(user_id: int) -> Select[Any]:
    """Return the ids of a person's jobs."""
    return select(tables.jobs.c.id).where(tables.jobs.c.user_id == user_id)


def of_own_jobs(table: Table) -> Rows:
    return lambda user_id: table.c.job_id.in_(own_jobs(user_id))


def votes_for_own(user_id: int) -> ColumnElement[bool]:
    posts = select(tables.gallery_posts.c.id).where(
        tables.gallery_posts.c.job_id.in_(own_jobs(user_id))
    )
    return tables.gallery_votes.c.post_id.in_(posts)


def votes_in(guild_id: int) -> ColumnElement[bool]:
    posts = select(tables.gallery_posts.c.id).where(tables.gallery_posts.c.guild_id == guild_id)
    return tables.gallery_votes.c.post_id.in_(posts)


def is_blocked(user_id: int) -> ColumnElement[bool]:
    blocks = tables.blocks.c
    return (blocks.kind == PERSON) & (blocks.target_id == user_id)


def holding_block(user_id: int) -> ColumnElement[bool]:
    until = tables.blocks.c.until
    return is_blocked(user_id) & or_(until.is_(None), until > datetime.now(UTC))


def past_block(user_id: int) -> ColumnElement[bool]:
    return is_blocked(user_id) & (tables.blocks.c.until <= datetime.now(UTC))


def named_block(user_id: int) -> ColumnElement[bool]:
    return holding_block(user_id) & (tables.blocks.c.name != "")


def mention(user_id: int) -> str:
    """Return how the log of decisions names a person."""
    return f"<@{user_id}>"


def decided_on(user_id: int) -> ColumnElement[bool]:
    return tables.audit.c.target == mention(user_id)


def decided_on_and_over(user_id: int) -> ColumnElement[bool]:
    """Return decisions on a person, but for the block that holds."""
    blocked: ScalarSelect[Any] = (
        select(tables.blocks.c.target_id).where(holding_block(user_id)).limit(1).scalar_subquery()
    )
    return decided_on(user_id) & or_(tables.audit.c.action != "block", blocked.is_(None))


def decided_by_report_of(user_id: int) -> ColumnElement[bool]:
    """Return decisions whose detail is the reason that a person gave in a report."""
    audit, reports = tables.audit.c, tables.reports.c
    same = (
        select(reports.id)
        .where(
            reports.reporter_id == user_id,
            reports.reason == audit.detail,
            reports.decision == audit.action,
            reports.guild_id == audit.guild_id,
        )
        .correlate(tables.audit)
    )
    return (audit.detail != "") & same.exists()


def decided_by_or_on(user_id: int) -> ColumnElement[bool]:
    return decided_on(user_id) | (tables.audit.c.actor_id == user_id)


# -- what hangs on rows ----------------------------------------------------------------------------


def messages_of_job(row: RowMapping) -> Iterator[tuple[int, int | None]]:
    """Yield the result's message and the progress message; what one person alone saw can't go."""
    place = row["message_channel_id"] or row["channel_id"]
    if not row["private"]:
        yield row["channel_id"], row["answer_id"]
    if not row["private"] or place != row["channel_id"]:
        yield place, row["message_id"]


def blobs_of_draft(row: RowMapping) -> Iterator[str | None]:
    """Yield a draft's source, and what came with it: LoRAs, and the picture to begin from."""
    yield row["blob"]
    yield from (file["blob"] for file in row["content"].get("files", ()))
