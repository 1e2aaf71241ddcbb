"""Which servers the bot is in, whatever it missed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.storage import guilds
from bot.storage.database import Database, open_database

NOW = datetime.now(UTC)
LATER = NOW + timedelta(days=1)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(f"sqlite:///{tmp_path / 'test.db'}") as opened:
        yield opened


async def test_who_left_is_due_until_they_come_back(database: Database) -> None:
    await database.write(guilds.reconcile, [1, 2, 3], NOW)
    await database.write(guilds.note_left, 1, NOW)
    await database.write(guilds.note_left, 1, LATER)  # what is heard twice changes nothing
    await database.write(guilds.note_left, 9, NOW)  # of which nothing was known
    assert await database.read(guilds.left_before, LATER) == [1, 9]
    assert await database.read(guilds.left_before, NOW) == []
    await database.write(guilds.note_members, [1])
    assert await database.read(guilds.left_before, LATER) == [9]
    assert not await database.write(guilds.forget, 1)
    assert await database.write(guilds.forget, 9)


async def test_what_was_missed_is_noted_at_the_next_connection(database: Database) -> None:
    await database.write(guilds.reconcile, [1, 2], NOW)
    await database.write(guilds.reconcile, [2, 4], NOW)
    assert await database.read(guilds.left_before, LATER) == [1]
    await database.write(guilds.reconcile, [1, 2, 4], LATER)
    assert await database.read(guilds.left_before, LATER + timedelta(days=1)) == []
