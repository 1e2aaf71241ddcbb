"""Queries on ``sent_forms``: each form is acted on once, also by the bot's next life."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from bot.storage.tables import sent_forms

_KEPT_FOR = timedelta(days=30)  # nobody leaves a form open for longer


def record_if_new(connection: Connection, nonce: str) -> bool:
    """Return whether a form comes for the first time; from now on it doesn't."""
    if connection.execute(select(sent_forms.c.nonce).where(sent_forms.c.nonce == nonce)).first():
        return False
    now = datetime.now(UTC)
    connection.execute(delete(sent_forms).where(sent_forms.c.created_at < now - _KEPT_FOR))
    connection.execute(insert(sent_forms).values(nonce=nonce, created_at=now))
    return True
