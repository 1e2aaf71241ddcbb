"""The writer, the pragmas, and databases that can't be used."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, inspect, text

from bot.core.errors import DatabaseError, StorageError
from bot.storage import registrations
from bot.storage.database import Database, create_engine, open_database
from bot.storage.migrate import known_revisions, migrate, upgrade
from bot.storage.tables import metadata
from tests.patience import PATIENCE


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    async with open_database(url) as opened:
        yield opened


async def test_fifty_writes_at_once(database: Database) -> None:
    writes = [database.write(registrations.save, number, "hash") for number in range(50)]
    await asyncio.gather(*writes)
    assert await database.read(registrations.commands_hash, 49) == "hash"


async def test_one_bad_write_spoils_no_other(database: Database) -> None:
    def bad(connection: Connection) -> None:
        connection.execute(text("INSERT INTO registrations VALUES (1, NULL)"))

    def bug(connection: Connection) -> None:
        connection.execute(text("SELECT 1"))
        raise LookupError("a bug in a query")

    results = await asyncio.gather(
        database.write(registrations.save, 1, "one"),
        database.write(bad),
        database.write(registrations.save, 2, "two"),
        database.write(bug),
        database.write(registrations.save, 3, "three"),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [
        type(None),
        StorageError,
        type(None),
        LookupError,
        type(None),
    ]
    found = [await database.read(registrations.commands_hash, number) for number in (1, 2, 3)]
    assert found == ["one", "two", "three"]


async def test_what_was_asked_before_the_end_is_written(url: str) -> None:
    async with open_database(url) as database:
        write = asyncio.create_task(database.write(registrations.save, 1, "late"))
        await asyncio.sleep(0)
    await write
    async with open_database(url) as database:
        assert await database.read(registrations.commands_hash, 1) == "late"


async def test_who_comes_after_the_end_is_refused_and_does_not_wait(url: str) -> None:
    async with open_database(url) as database:
        pass
    for ask in (database.read, database.write):
        with pytest.raises(StorageError, match="being restarted"):
            await asyncio.wait_for(ask(lambda _: None), PATIENCE)


async def test_a_write_nobody_waits_for_is_done_all_the_same(database: Database) -> None:
    write = asyncio.create_task(database.write(registrations.save, 1, "x"))
    await asyncio.sleep(0)
    write.cancel()
    await database.write(registrations.save, 2, "y")
    assert await database.read(registrations.commands_hash, 1) == "x"


async def test_sqlite_is_set_up(database: Database) -> None:
    def pragmas(connection: Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [connection.execute(text(f"PRAGMA {name}")).scalar() for name in names]

    assert await database.read(pragmas) == ["wal", 2, 1, 1500]


def test_the_migrations_make_what_the_code_expects(url: str) -> None:
    engine = create_engine(url)
    upgrade(engine.url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_a_new_database_is_what_the_migrations_make(url: str, tmp_path: Path) -> None:
    engine, migrated = create_engine(url), create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    assert migrate(engine) is None
    upgrade(migrated.url)
    assert described(engine) == described(migrated)
    assert migrate(engine) == migrate(migrated) == known_revisions()[-1]
    engine.dispose()
    migrated.dispose()


def described(engine: Engine) -> dict[str, set[str]]:
    """Of each table what SQLAlchemy finds in the file, in any order."""
    found = inspect(engine)
    return {
        table: {
            *map(column, found.get_columns(table)),
            *map(repr, found.get_indexes(table)),
            *map(repr, found.get_foreign_keys(table)),
            *map(repr, found.get_unique_constraints(table)),
            *map(repr, found.get_check_constraints(table)),
            repr(found.get_pk_constraint(table)),
        }
        for table in found.get_table_names()
    }


def column(facts: Mapping[str, Any]) -> str:
    """With 0 and '0' as one default."""
    default = str(facts["default"]).strip("'")
    return repr({**facts, "type": str(facts["type"]), "default": default})


def test_a_database_at_head_is_left_alone(url: str) -> None:
    engine = create_engine(url)
    assert migrate(engine) is None
    assert migrate(engine) == known_revisions()[-1]
    engine.dispose()


async def test_an_address_of_earlier_versions_still_holds(tmp_path: Path) -> None:
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'test.db'}") as database:
        await database.write(registrations.save, 1, "x")
    async with open_database(f"sqlite:///{tmp_path / 'test.db'}") as database:
        assert await database.read(registrations.commands_hash, 1) == "x"


async def test_a_migration_that_fails_leaves_nothing_behind(url: str, tmp_path: Path) -> None:
    """A table stands in the second statement's way."""
    with sqlite3.connect(tmp_path / "test.db") as connection:
        connection.execute("CREATE TABLE registrations (x)")
    with pytest.raises(DatabaseError, match="already exists"):
        async with open_database(url):
            pass
    with sqlite3.connect(tmp_path / "test.db") as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        assert tables.fetchall() == [("registrations",)]


@pytest.mark.parametrize("bad", ["nonsense", "sqlite+nothing:///x", "oracle+cx://x"])
def test_an_address_that_is_none(bad: str) -> None:
    with pytest.raises(DatabaseError, match=r"storage\.database_url"):
        create_engine(bad)


async def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="unable to open database file"):
        async with open_database(f"sqlite:///{tmp_path / 'no' / 'test.db'}"):
            pass
