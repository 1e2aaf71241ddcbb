"""Queries on ``drafts``: a request that waits for its owner's word, and the source it came with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from bot.storage.tables import drafts

LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Draft:
    """``content`` is whatever the commands need to go on, in plain JSON values."""

    id: str
    user_id: int
    blob: str
    content: dict[str, Any]


def add(connection: Connection, draft: Draft) -> None:
    """Keeps it; those that are too old go."""
    now = datetime.now(UTC)
    connection.execute(delete(drafts).where(drafts.c.created_at < now - LIFE))
    connection.execute(
        insert(drafts).values(
            id=draft.id,
            user_id=draft.user_id,
            created_at=now,
            blob=draft.blob,
            content=draft.content,
        )
    )


def get(connection: Connection, draft_id: str) -> Draft | None:
    """One draft; None once it was used or is too old."""
    query = select(drafts).where(
        drafts.c.id == draft_id, drafts.c.created_at >= datetime.now(UTC) - LIFE
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Draft(row.id, row.user_id, row.blob, row.content)


def change(connection: Connection, draft_id: str, content: dict[str, Any]) -> None:
    """Other choices."""
    connection.execute(update(drafts).where(drafts.c.id == draft_id).values(content=content))


def take(connection: Connection, draft_id: str, user_id: int) -> bool:
    """Uses it up; False where it is gone, so that a press that comes twice makes one GIF."""
    mine = (drafts.c.id == draft_id) & (drafts.c.user_id == user_id)
    return connection.execute(delete(drafts).where(mine)).rowcount == 1
