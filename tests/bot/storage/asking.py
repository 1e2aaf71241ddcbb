"""A database that is asked queries, with what is asked about: for tests that compare two."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from bot.storage import edits
from bot.storage.library import HistoryFilter
from bot.storage.loras import Shared, StoredLora, Viewer
from tests.bot.jobs.samples import ORIGIN

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ADA, SERVER, CHANNEL = ORIGIN.user_id, ORIGIN.guild_id or 0, ORIGIN.channel_id
A, B, C, D = ("a" * 32, "b" * 32, "c" * 32, "d" * 32)
BLOBS = [f"{number:064x}.gif" for number in range(8)]
TEXT = "Größe 100 % 'x' \\ \u2028 \U0001f600"
VIEWER = Viewer(ADA, SERVER)
EVERY = HistoryFilter(user_id=ADA)

Asked = set[Callable[..., Any]]


class Asking:
    """What a database was asked, and what it said."""

    connection: Connection

    def __init__(self) -> None:
        self.asked: Asked = set()
        self.said: list[tuple[str, Any]] = []

    def __call__(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        answer = query(self.connection, *args, **kwargs)
        self.asked.add(query)
        is_drawn = query is edits.add  # an id that is another each time
        self.said.append((query.__qualname__, None if is_drawn else answer))
        return answer


def lora(number: int, name: str, shared: Shared, blob: str) -> StoredLora:
    return StoredLora(
        id=f"{number:032x}",
        owner_id=ADA,
        guild_id=SERVER if shared is Shared.SERVER else None,
        shared=shared,
        name=name,
        trigger_words=TEXT,
        strength=0.1,
        blob=blob,
        size_bytes=2**40,
        facts={"layers": [1, 2.5, None, TEXT]},
        created_at=NOW,
        adult=number == 2,
    )
