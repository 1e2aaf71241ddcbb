"""From SQLite to PostgreSQL and back: every row, and numbers that go on."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command

from bot.core.errors import BackupError, DatabaseError
from bot.storage import jobs as rows
from bot.storage.backups.copying import table_names
from bot.storage.backups.move import move
from bot.storage.database import create_engine, open_database
from tests.bot.jobs.samples import ORIGIN, REQUEST
from tests.bot.storage.stocked import Stocked, all_rows, sqlite, stock
from tests.bot.storage.test_migrations import BEFORE, alembic
from tests.postgres import cluster


@pytest.fixture
def stocked(tmp_path: Path) -> Stocked:
    return stock(tmp_path / "data")


@pytest.fixture
def postgresql() -> Iterator[str]:
    with cluster() as url:
        yield url


def tables_of(url: str) -> list[str]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = table_names(connection)
    engine.dispose()
    return found


async def _number_of_the_next(url: str) -> int:
    async with open_database(url) as database:
        job = await database.write(
            rows.add, "f" * 32, origin=ORIGIN, request=REQUEST, model="x", now=datetime.now(UTC)
        )
    return job.number


@pytest.mark.slow
def test_there_and_back(stocked: Stocked, postgresql: str, tmp_path: Path) -> None:
    before = all_rows(stocked.url)
    counts = move(stocked.url, postgresql)
    assert counts == {name: len(found) for name, found in before.items()}
    assert all_rows(postgresql) == before == all_rows(stocked.url)
    back = f"sqlite:///{tmp_path / 'back.db'}"
    assert move(postgresql, back) == counts
    assert all_rows(back) == before
    for url in (postgresql, back):
        assert asyncio.run(_number_of_the_next(url)) == 7


def test_what_can_t_be_moved_changes_nothing(
    stocked: Stocked, postgresql: str, tmp_path: Path
) -> None:
    with pytest.raises(BackupError, match="has tables already"):
        move(stocked.url, stocked.url)
    with pytest.raises(BackupError, match="There is no database"):
        move(f"sqlite:///{tmp_path}/no.db", postgresql)
    with pytest.raises(DatabaseError, match="isn't the address of a database"):
        move(stocked.url, "mongo://x")
    with pytest.raises(DatabaseError, match="can't be used"):
        move(stocked.url, "postgresql://nobody@127.0.0.1:1/x")
    early = f"sqlite:///{tmp_path}/early.db"
    command.upgrade(alembic(early), BEFORE)
    with pytest.raises(BackupError, match="run `hotshot-bot db upgrade` first"):
        move(early, postgresql)
    # SQLite takes what PostgreSQL doesn't
    with sqlite3.connect(stocked.data / "hotshot.db") as connection:
        connection.execute("UPDATE loras SET name = 'a' || char(0) || 'b'")
    with pytest.raises(BackupError, match="A row of loras can't be copied"):
        move(stocked.url, postgresql)
    with sqlite3.connect(stocked.data / "hotshot.db") as connection:
        connection.execute("UPDATE loras SET name = 'a', id = printf('%.*c', 40, 'x')")
    with pytest.raises(BackupError, match="A row of loras can't be copied"):
        move(stocked.url, postgresql)
    assert tables_of(postgresql) == []
    move_back = sqlite(tmp_path)
    with pytest.raises(BackupError, match="there is nothing to move"):
        move(postgresql, move_back)
    assert not (tmp_path / "hotshot.db").exists()


async def test_a_database_that_a_bot_serves_isn_t_moved(
    stocked: Stocked, postgresql: str, tmp_path: Path
) -> None:
    async with open_database(postgresql):
        with pytest.raises(DatabaseError, match="Another bot"):
            await asyncio.to_thread(move, postgresql, sqlite(tmp_path))
    with pytest.raises(BackupError, match="has tables already"):
        await asyncio.to_thread(move, stocked.url, postgresql)
