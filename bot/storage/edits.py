"""Queries on ``edits``: what was made of a job's result, one edit after another."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, insert, select

from bot.storage.tables import edits

Step = tuple[str, str]
"""The name of an edit, and the words that it needs (a caption's)."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A job's result after these edits."""

    job_id: str
    steps: tuple[Step, ...] = ()


def add(connection: Connection, edit: Edit, user_id: int) -> str:
    """Add an edit that this person made; return its id, by which buttons find it."""
    values = {
        "id": secrets.token_hex(16),
        "job_id": edit.job_id,
        "steps": [list(step) for step in edit.steps],
        "created_at": datetime.now(UTC),
        "user_id": user_id,
    }
    connection.execute(insert(edits).values(**values))
    return str(values["id"])


def get(connection: Connection, edit_id: str) -> Edit | None:
    """Return an edit; None where there is none of that id, or its job was deleted."""
    row = connection.execute(select(edits).where(edits.c.id == edit_id)).one_or_none()
    return None if row is None else Edit(row.job_id, _steps(row.steps))


def _steps(kept: Sequence[Sequence[str]]) -> tuple[Step, ...]:
    return tuple((name, words) for name, words in kept)
