"""Queries on ``loras``: the files that people brought, and who may use which.

Somebody may use their own, those shared with everybody, and those shared with the server they are
speaking from; only such rows are ever offered or found.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from bot.storage.retention import forget
from bot.storage.tables import jobs, loras
from generator.contract.text import Text

TRY = "try"  # a job's relation to the LoRA that it shows


class Shared(enum.StrEnum):
    """Who else may use a LoRA."""

    ME = "me"
    SERVER = "server"
    EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLora:
    """A LoRA that somebody keeps; ``facts`` is ``LoraFacts.to_dict`` of its file."""

    id: str
    owner_id: int
    guild_id: int | None  # the server it is shared with
    shared: Shared
    name: str
    trigger_words: str
    strength: float
    blob: str
    size_bytes: int
    facts: dict[str, Any]
    created_at: datetime
    adult: bool = False  # for age-restricted channels only


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is asking, and from which server."""

    user_id: int
    guild_id: int | None


@dataclass(frozen=True, slots=True)
class LoraTrial:
    """A GIF that shows what a LoRA does: its job, and a link to its message."""

    job_id: str
    link: str


def key_of(name: str) -> str:
    """Return what names are compared by."""
    return " ".join(name.split()).casefold()


def add(connection: Connection, lora: StoredLora) -> None:
    """Add a LoRA."""
    connection.execute(insert(loras).values(**asdict(lora), name_key=key_of(lora.name)))


def add_within(
    connection: Connection, lora: StoredLora, *, most: int, most_bytes: int
) -> Text | None:
    """Add a LoRA within a quota, decided in the transaction; return why not, where it wasn't."""
    twin = own_named(connection, lora.owner_id, lora.name, lora.blob)
    if twin is not None:
        return Text("You already have that one, as {name}.", name=twin.name)
    count, size = kept_by(connection, lora.owner_id)
    if count >= most or size + lora.size_bytes > most_bytes:
        return Text("That is more than you can keep here; remove one with /lora remove.")
    add(connection, lora)
    return None


def last_trial(
    connection: Connection, lora: StoredLora, user_id: int, guild_id: int | None
) -> LoraTrial | None:
    """Return this person's last trial, or its owner's for all to see on this server."""
    query = (
        select(
            jobs.c.id,
            jobs.c.guild_id,
            jobs.c.channel_id,
            jobs.c.message_channel_id,
            jobs.c.message_id,
        )
        .where(
            jobs.c.parent_id == lora.id,
            jobs.c.relation == TRY,
            jobs.c.message_id.is_not(None),
            or_(
                jobs.c.user_id == user_id,
                and_(
                    jobs.c.user_id == lora.owner_id,
                    jobs.c.private.is_(False),
                    jobs.c.guild_id.is_not(None),  # what was made in a direct message stays there
                    jobs.c.guild_id == guild_id,
                ),
            ),
        )
        .order_by(jobs.c.number.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    place = f"{row.guild_id or '@me'}/{row.message_channel_id or row.channel_id}"
    return LoraTrial(row.id, f"https://discord.com/channels/{place}/{row.message_id}")


def usable(connection: Connection, viewer: Viewer, name_or_id: str) -> StoredLora | None:
    """Return one that this person may use: by id, else by exact name, one's own first."""
    named = or_(loras.c.id == name_or_id, loras.c.name_key == key_of(name_or_id))
    mine_first = case(
        (loras.c.id == name_or_id, 0), (loras.c.owner_id == viewer.user_id, 1), else_=2
    )
    query = select(loras).where(named, _usable_by(viewer)).order_by(mine_first).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _lora(row)


def usable_by_file(
    connection: Connection, viewer: Viewer, key: str, hash_prefix: str | None
) -> StoredLora | None:
    """Return one that this person may use, by what its file was called or how its hash begins."""
    facts = loras.c.facts
    same = [facts["file_key"].as_string() == key, facts["title_key"].as_string() == key]
    if hash_prefix is not None:
        same.append(facts["sha256"].as_string().startswith(hash_prefix, autoescape=True))
    mine_first = case((loras.c.owner_id == viewer.user_id, 0), else_=1)
    query = select(loras).where(or_(*same), _usable_by(viewer)).order_by(mine_first, loras.c.id)
    row = connection.execute(query.limit(1)).mappings().one_or_none()
    return None if row is None else _lora(row)


def usable_by_blob(connection: Connection, viewer: Viewer, blob: str) -> StoredLora | None:
    """Return one that this person may use, by its very file, one's own first."""
    mine_first = case((loras.c.owner_id == viewer.user_id, 0), else_=1)
    query = select(loras).where(loras.c.blob == blob, _usable_by(viewer))
    found = connection.execute(query.order_by(mine_first, loras.c.id).limit(1))
    row = found.mappings().one_or_none()
    return None if row is None else _lora(row)


def with_blob(connection: Connection, blob: str) -> list[StoredLora]:
    """Return everybody's with that very file, for the bot's own use."""
    query = select(loras).where(loras.c.blob == blob)
    return [_lora(row) for row in connection.execute(query).mappings()]


def matching(connection: Connection, viewer: Viewer, typed: str, *, limit: int) -> list[StoredLora]:
    """Return LoRAs whose names have the letters of ``typed`` in that order, closest first."""
    key = key_of(typed)
    if len(key) > 100:
        return []
    letters = "%".join(_escaped(letter) for letter in key.replace(" ", ""))
    whole = _escaped(key)
    name = loras.c.name_key
    closeness = case(
        (name == key, 0),
        (name.like(f"{whole}%", escape="\\"), 1),
        (name.like(f"%{whole}%", escape="\\"), 2),
        else_=3,
    )
    query = (
        select(loras)
        .where(_usable_by(viewer), name.like(f"%{letters}%", escape="\\"))
        .order_by(closeness, func.length(name), name, loras.c.id)
        .limit(limit)
    )
    return [_lora(row) for row in connection.execute(query).mappings()]


def page(
    connection: Connection, viewer: Viewer, *, limit: int, offset: int
) -> tuple[list[StoredLora], int]:
    """Return a page of LoRAs that this person may use, own ones first, and how many there are."""
    mine_first = case((loras.c.owner_id == viewer.user_id, 0), else_=1)
    query = select(loras).where(_usable_by(viewer)).order_by(mine_first, loras.c.name_key)
    count = select(func.count()).select_from(loras).where(_usable_by(viewer))
    rows = connection.execute(query.limit(limit).offset(offset)).mappings()
    return [_lora(row) for row in rows], connection.execute(count).scalar_one()


def kept_by(connection: Connection, owner_id: int) -> tuple[int, int]:
    """Return how many LoRAs one person keeps, and their bytes."""
    query = select(func.count(), func.coalesce(func.sum(loras.c.size_bytes), 0))
    count, size = connection.execute(query.where(loras.c.owner_id == owner_id)).one()
    return int(count), int(size)


def own_named(
    connection: Connection, owner_id: int, name: str, blob: str = ""
) -> StoredLora | None:
    """Return a person's own of that name, or of that very file."""
    same = or_(loras.c.name_key == key_of(name), loras.c.blob == blob)
    query = select(loras).where(loras.c.owner_id == owner_id, same).limit(1)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _lora(row)


def change(connection: Connection, lora_id: str, /, **values: Any) -> None:
    """Set columns of a LoRA; a new name with its key."""
    if "name" in values:
        values["name_key"] = key_of(values["name"])
    connection.execute(update(loras).where(loras.c.id == lora_id).values(**values))


def remove(connection: Connection, lora_id: str) -> None:
    """Delete a LoRA, and finished jobs' claims to its file, unless somebody else keeps it."""
    blob = connection.execute(
        delete(loras).where(loras.c.id == lora_id).returning(loras.c.blob)
    ).scalar_one_or_none()
    others = select(loras.c.id).where(loras.c.blob == blob).limit(1)
    if blob is not None and connection.execute(others).first() is None:
        forget(connection, [blob])


def adult_among(connection: Connection, blobs: Sequence[str]) -> str | None:
    """Return the name of a LoRA that somebody marked adult, where one is of these files."""
    query = select(loras.c.name).where(loras.c.blob.in_(blobs), loras.c.adult)
    return connection.execute(query.limit(1)).scalar_one_or_none()


def _usable_by(viewer: Viewer) -> ColumnElement[bool]:
    conditions = [loras.c.owner_id == viewer.user_id, loras.c.shared == Shared.EVERYBODY]
    if viewer.guild_id is not None:
        here = loras.c.guild_id == viewer.guild_id
        conditions.append(and_(loras.c.shared == Shared.SERVER, here))
    return or_(*conditions)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _lora(row: RowMapping) -> StoredLora:
    values = {name: value for name, value in row.items() if name != "name_key"}
    return StoredLora(**values | {"shared": Shared(values["shared"])})
