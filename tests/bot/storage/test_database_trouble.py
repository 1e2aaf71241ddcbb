"""A database that is locked, full or damaged: a sentence, and nothing half written."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.core.errors import DatabaseError, StorageError
from bot.storage import registrations
from bot.storage.database import open_database
from tests.postgres import cluster


def url_of(file: Path) -> str:
    return f"sqlite:///{file}"


async def test_locked_by_somebody_else(tmp_path: Path) -> None:
    """All who wait are told at once, in time for Discord; then it works again."""
    file = tmp_path / "test.db"
    async with open_database(url_of(file)) as database:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        began = asyncio.get_running_loop().time()
        writes = [database.write(registrations.save, n, "x") for n in range(20)]
        errors = await asyncio.gather(*writes, return_exceptions=True)
        waited = asyncio.get_running_loop().time() - began
        assert {str(error) for error in errors} == {
            "The bot's database is in use by another program, so nothing was accepted; please try "
            "again in a moment."
        }
        assert waited < 20 * 1.5  # not one after the other
        first = asyncio.ensure_future(database.write(registrations.save, 1, "x"))
        await asyncio.sleep(0.5)
        second = asyncio.ensure_future(database.write(registrations.save, 2, "x"))
        await asyncio.wait((first,))
        await asyncio.sleep(0)
        assert isinstance(second.exception(), StorageError)  # it has waited long enough already
        other.execute("ROLLBACK")
        other.close()
        await database.write(registrations.save, 1, "x")
        assert await database.read(registrations.commands_hash, 2) is None


async def test_a_full_disk(tmp_path: Path) -> None:
    """SQLite's own limit of pages stands in for the disk's; its error is the same."""

    def limit(connection: Connection, spare: int) -> None:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages + spare}"))

    async with open_database(url_of(tmp_path / "test.db")) as database:
        await database.write(limit, 0)
        with pytest.raises(StorageError, match="disk is full, so nothing was accepted"):
            await database.write(registrations.save, 1, "x" * 100_000)
        await database.write(limit, 10_000)
        await database.write(registrations.save, 99, "room again")
        assert await database.read(registrations.commands_hash, 99) == "room again"


def damage(file: Path) -> None:
    """Overwrites the pages behind the first."""
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    file.write_bytes(data)


async def test_damage_is_found_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "test.db"
    async with open_database(url_of(file)):
        pass
    damage(file)
    with pytest.raises(DatabaseError, match=r"test\.db (is damaged|can't be used)"):
        async with open_database(url_of(file)):
            pass


async def test_damage_while_it_is_open(tmp_path: Path) -> None:
    """Noticed as soon as a page has to be read again."""

    def forget(connection: Connection) -> None:
        for pragma in ("wal_checkpoint(TRUNCATE)", "shrink_memory"):
            connection.execute(text(f"PRAGMA {pragma}"))

    file = tmp_path / "test.db"
    async with open_database(url_of(file)) as database:
        await database.write(registrations.save, 1, "x")
        await database.read(forget)
        damage(file)
        with pytest.raises(StorageError, match="damaged, so nothing was accepted"):
            await database.write(registrations.save, 2, "x")


async def test_postgresqls_troubles_are_known_by_their_codes() -> None:
    def save_without_permission(connection: Connection) -> None:
        connection.execute(text("SET TRANSACTION READ ONLY"))
        registrations.save(connection, 1, "x")

    with cluster() as url:
        async with open_database(url) as database:
            with pytest.raises(StorageError, match="can't be written to, so nothing was accepted"):
                await database.write(save_without_permission)
            await database.write(registrations.save, 1, "x")
            assert await database.read(registrations.commands_hash, 1) == "x"
