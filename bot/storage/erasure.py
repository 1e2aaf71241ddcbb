"""Queries that erase what is a person's or a server's, a few rows at a time.

What ``bot.storage.personal_data`` says of each table is done here, and nothing else. A row's files
and messages are noted in the transaction that deletes it, and each note goes when they are gone: so
whatever ends the process, the next one knows what is left. All of it can be done again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from bot.storage.library import erase
from bot.storage.models import BOT
from bot.storage.personal_data import TABLES
from bot.storage.personal_rows import Blank, Delete, Erasure, TableData
from bot.storage.retention import forget, referenced
from bot.storage.tables import (
    attachments,
    erased_files,
    erased_messages,
    erasures,
    jobs,
    loras,
)

_IDS = frozenset(
    ("user_id", "owner_id", "reporter_id", "actor_id", "target_id", "decided_by", "allowed_by")
)
_AT_ONCE = 100  # rows in one write, so that nobody waits long behind it


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data goes: a person's, or else a server's."""

    id: int
    is_server: bool = False

    @property
    def steps(self) -> list[tuple[TableData, Delete | Blank]]:
        """What is to be done, in this order."""
        return [
            (data, erasure)
            for data in TABLES
            for erasure in self._erasures(data)
            if isinstance(erasure, Delete | Blank)
        ]

    def _erasures(self, data: TableData) -> Sequence[Erasure]:
        return data.of_server if self.is_server else data.of_person


@dataclass(frozen=True, slots=True)
class Pending:
    """An erasure that a person asked for; ``rows_are_gone`` where messages alone are left."""

    user_id: int
    requested_at: datetime
    rows_are_gone: bool


# -- what was asked for ----------------------------------------------------------------------------


def begin(connection: Connection, user_id: int, now: datetime) -> bool:
    """Note that everything of a person's is to go; False where it is going already."""
    known = connection.execute(select(erasures).where(erasures.c.user_id == user_id)).one_or_none()
    if known is not None and not known.rows_are_gone:
        return False
    connection.execute(delete(erasures).where(erasures.c.user_id == user_id))
    connection.execute(insert(erasures).values(user_id=user_id, requested_at=now))
    return True


def people(connection: Connection) -> set[int]:
    """Return the ids of all people (and servers) of whom there is anything."""
    columns = [
        column
        for data in TABLES
        for column in data.table.columns
        if column.name in _IDS and data.of_person
    ]
    return {
        its_id
        for column in columns
        for its_id in connection.execute(select(column).distinct()).scalars()
        if its_id is not None
    }


def pending(connection: Connection) -> list[Pending]:
    """Return the erasures that aren't over, the oldest first."""
    query = select(erasures).order_by(erasures.c.requested_at, erasures.c.user_id)
    return [Pending(**row) for row in connection.execute(query).mappings()]


def pending_of(connection: Connection, user_id: int) -> tuple[Pending, int] | None:
    """Return a person's erasure, and how many messages are left to delete."""
    query = select(erasures).where(erasures.c.user_id == user_id)
    row = connection.execute(query).mappings().one_or_none()
    count = select(func.count()).where(erased_messages.c.user_id == user_id)
    return None if row is None else (Pending(**row), connection.execute(count).scalar_one())


def note_rows_gone(connection: Connection, user_id: int) -> None:
    """Note that no row is left; where no message is either, the erasure is over."""
    connection.execute(
        update(erasures).where(erasures.c.user_id == user_id).values(rows_are_gone=True)
    )
    end_if_over(connection, user_id)


def end_if_over(connection: Connection, user_id: int) -> bool:
    """Forget an erasure of which nothing is left to do; return whether it was forgotten."""
    left = select(erased_messages.c.user_id).where(erased_messages.c.user_id == user_id)
    over = (erasures.c.user_id == user_id) & erasures.c.rows_are_gone & ~left.exists()
    return bool(connection.execute(delete(erasures).where(over)).rowcount)


def owners_untold(connection: Connection, user_id: int) -> int:
    """Return how many of a person's jobs ended without their being told so far."""
    query = select(func.count()).where(jobs.c.user_id == user_id, jobs.c.owner_notified.is_(False))
    return connection.execute(query).scalar_one()


# -- rows ------------------------------------------------------------------------------------------


def erase_some(connection: Connection, subject: Subject, step: int) -> int:
    """Do a step of ``subject.steps`` to a few rows; return how many, 0 when it is done."""
    data, erasure = subject.steps[step]
    where = erasure.rows(subject.id)
    if isinstance(erasure, Blank):
        some = _is_one_of(data, _some_keys(connection, data, where))
        return connection.execute(update(data.table).where(some).values(**erasure.values)).rowcount
    if data.table is loras and (renamed := _unname_loras(connection, subject.id)):
        return renamed
    found = connection.execute(select(data.table).where(where).limit(_AT_ONCE)).mappings().all()
    if found:
        _note_files(connection, (blob for row in found for blob in data.blobs(row)))
        if not subject.is_server:
            _note_messages(connection, subject.id, data, found)
        keys = [tuple(row[key.name] for key in data.table.primary_key) for row in found]
        connection.execute(delete(data.table).where(_is_one_of(data, keys)))
    return len(found)


def _some_keys(
    connection: Connection, data: TableData, where: ColumnElement[bool]
) -> list[tuple[Any, ...]]:
    query = select(*data.table.primary_key).where(where).limit(_AT_ONCE)
    return [tuple(row) for row in connection.execute(query)]


def _is_one_of(data: TableData, keys: Sequence[tuple[Any, ...]]) -> ColumnElement[bool]:
    columns = tuple(data.table.primary_key)
    if len(columns) == 1:
        return columns[0].in_([key for (key,) in keys])
    return tuple_(*columns).in_(keys)


def _note_files(connection: Connection, blobs: Iterable[str | None]) -> None:
    names = {name for name in blobs if name}
    known = connection.execute(
        select(erased_files.c.blob).where(erased_files.c.blob.in_(names))
    ).scalars()
    if new := names.difference(known):
        connection.execute(insert(erased_files), [{"blob": name} for name in sorted(new)])


def _note_messages(
    connection: Connection, user_id: int, data: TableData, found: Iterable[RowMapping]
) -> None:
    """Note messages, of which variations share one."""
    places = {place for row in found for place in data.messages(row) if place[1]}
    columns = (erased_messages.c.channel_id, erased_messages.c.message_id)
    query = select(*columns).where(
        erased_messages.c.user_id == user_id, tuple_(*columns).in_(sorted(places))
    )
    known = {tuple(row) for row in connection.execute(query)} if places else set()
    if new := places - known:
        rows = [
            {"user_id": user_id, "channel_id": channel_id, "message_id": message_id}
            for channel_id, message_id in sorted(new)
        ]
        connection.execute(insert(erased_messages), rows)


def _unname_loras(connection: Connection, owner_id: int) -> int:
    """Take a person's names of LoRAs out of others' jobs, a few at a time; return how many."""
    mine = (loras.c.owner_id == owner_id) & (loras.c.blob == attachments.c.blob)
    query = (
        select(jobs.c.id, jobs.c.lora_names, attachments.c.blob, attachments.c.filename)
        .join(attachments, attachments.c.job_id == jobs.c.id)
        .join(loras, mine & (loras.c.name == attachments.c.filename))
        .where(attachments.c.filename != attachments.c.blob)
        .limit(_AT_ONCE)
    )
    found = connection.execute(query).all()
    for job_id, names, blob, filename in found:
        short = PurePath(blob).stem[:12]
        renamed = [short if name == filename else name for name in names or ()]
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(lora_names=renamed))
        connection.execute(
            update(attachments)
            .where(attachments.c.job_id == job_id, attachments.c.blob == blob)
            .values(filename=blob)
        )
    return len(found)


# -- files -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FilesToErase:
    """Files of erased rows that may go now, and samples that hold some and aren't over."""

    blobs: list[str]
    samples: list[str]
    last: str  # the last name that was looked at; "" where none is left


def free_files(connection: Connection, after: str) -> FilesToErase:
    """Let go of erased rows' files, a few at a time, but for those that are somebody else's too.

    Somebody's own result or LoRA stays theirs. What others' jobs merely began from is forgotten
    by those that are over, and stays noted for those that aren't.
    """
    query = select(erased_files.c.blob).where(erased_files.c.blob > after)
    page = connection.execute(query.order_by(erased_files.c.blob).limit(_AT_ONCE)).scalars().all()
    noted = set(page)
    samples = _forget_samples(connection, noted)
    others = {
        name
        for column in (loras.c.blob, jobs.c.output, jobs.c.withheld)
        for name in connection.execute(select(column).where(column.in_(noted))).scalars()
    }
    note_files_gone(connection, others)
    free = noted - others
    forget(connection, sorted(free))
    needed = referenced(connection, sorted(free))
    return FilesToErase(sorted(free - needed), samples, page[-1] if page else "")


def note_files_gone(connection: Connection, blobs: Iterable[str]) -> None:
    """Note that files aren't there any more, or are somebody else's."""
    connection.execute(delete(erased_files).where(erased_files.c.blob.in_(sorted(blobs))))


def files_left(connection: Connection) -> int:
    """Return how many files are noted."""
    return connection.execute(select(func.count()).select_from(erased_files)).scalar_one()


def _forget_samples(connection: Connection, blobs: Iterable[str]) -> list[str]:
    """Delete what the bot made to show LoRAs that are gone; return those that aren't over."""
    kept = select(loras.c.blob)
    query = (
        select(jobs.c.id, jobs.c.output)
        .join(attachments, attachments.c.job_id == jobs.c.id)
        .where(
            jobs.c.user_id == BOT, attachments.c.blob.in_(blobs), attachments.c.blob.not_in(kept)
        )
    )
    unfinished: list[str] = []
    for job_id, output in connection.execute(query).all():
        if erase(connection, job_id):
            _note_files(connection, [output])
        else:
            unfinished.append(job_id)
    return unfinished


# -- messages --------------------------------------------------------------------------------------


def some_messages(connection: Connection) -> list[tuple[int, int, int]]:
    """Return some messages to delete: whose they were, their channels and ids."""
    query = select(
        erased_messages.c.user_id, erased_messages.c.channel_id, erased_messages.c.message_id
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(query.limit(_AT_ONCE))]


def note_message_gone(connection: Connection, message: tuple[int, int, int]) -> bool:
    """Note that a message is gone, or stays; return whether its erasure is over by that."""
    user_id, channel_id, message_id = message
    connection.execute(
        delete(erased_messages).where(
            erased_messages.c.user_id == user_id,
            erased_messages.c.channel_id == channel_id,
            erased_messages.c.message_id == message_id,
        )
    )
    return end_if_over(connection, user_id)
