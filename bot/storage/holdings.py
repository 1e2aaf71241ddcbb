"""Queries on what the database has of one person: how much of each kind, and all of it in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select, tuple_

from bot.storage import tables
from bot.storage.personal_data import TABLES
from bot.storage.personal_rows import TableData, own_jobs

PAGE = 200  # rows at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """How much of one person's there is; ``rows`` by the names of tables."""

    rows: dict[str, int]
    files: int  # results that are stored
    files_bytes: int
    sources: int  # files that they brought
    sources_bytes: int
    loras_bytes: int
    shared_loras: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file to export: whose blob, what it is called, and how large its row says it is."""

    blob: str
    name: str
    size_bytes: int


def count(connection: Connection, user_id: int) -> Holdings:
    """Count what a person would be given by an export."""
    jobs, loras, attachments = tables.jobs.c, tables.loras.c, tables.attachments.c
    rows = {
        data.table.name: connection.execute(
            select(func.count()).select_from(data.table).where(data.export(user_id))
        ).scalar_one()
        for data in TABLES
        if data.export is not None
    }
    files, files_bytes = _sum(
        connection, jobs.output, jobs.size_bytes, jobs.user_id == user_id, jobs.output.is_not(None)
    )
    sources, sources_bytes = _sum(
        connection,
        attachments.blob,
        attachments.size_bytes,
        attachments.job_id.in_(own_jobs(user_id)),
        attachments.blob.not_in(select(loras.blob)),
    )
    _, loras_bytes = _sum(connection, loras.blob, loras.size_bytes, loras.owner_id == user_id)
    shared = select(func.count()).where(loras.owner_id == user_id, loras.shared != "me")
    return Holdings(
        rows=rows,
        files=files,
        files_bytes=files_bytes,
        sources=sources,
        sources_bytes=sources_bytes,
        loras_bytes=loras_bytes,
        shared_loras=connection.execute(shared).scalar_one(),
    )


def exported_page(
    connection: Connection, data: TableData, user_id: int, after: Sequence[Any]
) -> tuple[list[dict[str, Any]], Sequence[Any]]:
    """Return a page of a table's rows of one person, and the key of the last, () at the end.

    ``after`` is the key of the last row of the page before, () for the first.
    """
    keys = tuple(data.table.primary_key)
    if data.export is None:
        return [], ()
    query = select(data.table).where(data.export(user_id)).order_by(*keys).limit(PAGE)
    if after:
        query = query.where(tuple_(*keys) > tuple_(*after))
    found = connection.execute(query).mappings().all()
    rows = [{name: row[name] for name in data.exported} for row in found]
    last = tuple(found[-1][key.name] for key in keys) if len(found) == PAGE else ()
    return rows, last


def results_of(connection: Connection, user_id: int, before: int | None, limit: int) -> list[str]:
    """Return ids of a person's jobs that have a file, the newest first, from below a number on."""
    jobs = tables.jobs.c
    query = select(jobs.id).where(jobs.user_id == user_id, jobs.output.is_not(None))
    if before is not None:
        query = query.where(jobs.number < before)
    return list(connection.execute(query.order_by(jobs.number.desc()).limit(limit)).scalars())


def loras_of(connection: Connection, user_id: int) -> list[StoredFile]:
    """Return a person's LoRAs."""
    loras = tables.loras.c
    query = select(loras.blob, loras.name, loras.size_bytes).where(loras.owner_id == user_id)
    return [StoredFile(*row) for row in connection.execute(query.order_by(loras.name_key))]


def sources_of(connection: Connection, user_id: int) -> list[StoredFile]:
    """Return the files that a person brought for GIFs, each once, but no LoRAs."""
    attachments, loras = tables.attachments.c, tables.loras.c
    query = (
        select(attachments.blob, func.max(attachments.filename), func.max(attachments.size_bytes))
        .where(
            attachments.job_id.in_(own_jobs(user_id)), attachments.blob.not_in(select(loras.blob))
        )
        .group_by(attachments.blob)
        .order_by(attachments.blob)
    )
    return [StoredFile(*row) for row in connection.execute(query)]


def _sum(connection: Connection, blob: Any, size: Any, *where: Any) -> tuple[int, int]:
    """Return how many different files there are, and their bytes."""
    each = select(blob.label("blob"), func.max(size).label("size")).where(*where).group_by(blob)
    found = each.subquery()
    query = select(func.count(), func.coalesce(func.sum(found.c.size), 0)).select_from(found)
    number, total = connection.execute(query).one()
    return int(number), int(total)
