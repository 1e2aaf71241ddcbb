"""Queries on ``drafts``: a request that waits for its owner's word, and the source it came with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from bot.storage import daily_usage
from bot.storage.tables import drafts

LIFE = timedelta(hours=24)
_KIND = "drafts"  # of what is counted by day


@dataclass(frozen=True, slots=True)
class Draft:
    """``content`` is whatever the commands need to go on, in plain JSON values."""

    id: str
    user_id: int
    blob: str
    content: dict[str, Any]


def add_within(connection: Connection, draft: Draft, most: int) -> list[str] | None:
    """Add a draft as ``add`` does; None, and nothing is kept, where it is one more than ``most``
    of this person's within a day.
    """
    if not daily_usage.note_within(connection, draft.user_id, _KIND, 1, most):
        return None
    return add(connection, draft)


def add(connection: Connection, draft: Draft) -> list[str]:
    """Add a draft; those that are too old go. Return the blobs that these named."""
    gone = forget_expired(connection)
    connection.execute(
        insert(drafts).values(
            id=draft.id,
            user_id=draft.user_id,
            created_at=datetime.now(UTC),
            blob=draft.blob,
            content=draft.content,
        )
    )
    return gone


def forget_expired(connection: Connection) -> list[str]:
    """Delete drafts that are too old; return the blobs that they named."""
    is_old = drafts.c.created_at < datetime.now(UTC) - LIFE
    return list(connection.execute(delete(drafts).where(is_old).returning(drafts.c.blob)).scalars())


def get(connection: Connection, draft_id: str) -> Draft | None:
    """Return a draft; None once it was used or is too old."""
    query = select(drafts).where(
        drafts.c.id == draft_id, drafts.c.created_at >= datetime.now(UTC) - LIFE
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Draft(row.id, row.user_id, row.blob, row.content)


def change(connection: Connection, draft_id: str, changed: dict[str, Any]) -> Draft | None:
    """Change choices, beside those that stay; return the draft, None where it was used."""
    draft = get(connection, draft_id)
    if draft is None:
        return None
    content = draft.content | changed
    connection.execute(update(drafts).where(drafts.c.id == draft_id).values(content=content))
    return replace(draft, content=content)


def merge(
    connection: Connection, draft_id: str, user_id: int, changed: dict[str, Any]
) -> Draft | None:
    """Change a person's own draft as ``change`` does, and within each object of its content.

    None where it was used, or is somebody else's.
    """
    draft = get(connection, draft_id)
    if draft is None or draft.user_id != user_id:
        return None
    merged = {
        key: draft.content[key] | value
        if isinstance(value, dict) and isinstance(draft.content.get(key), dict)
        else value
        for key, value in changed.items()
    }
    return change(connection, draft_id, merged)


def consume(connection: Connection, draft_id: str, user_id: int) -> bool:
    """Use a draft up; False where it is gone, so that a press that comes twice makes one GIF."""
    mine = (drafts.c.id == draft_id) & (drafts.c.user_id == user_id)
    return connection.execute(delete(drafts).where(mine)).rowcount == 1
