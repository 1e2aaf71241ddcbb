"""What an erasure takes from rows and files, byte for byte, and what it leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select, text, update

from bot.core.errors import StorageError
from bot.privacy.steps import erase_before_start, erase_files, erase_rows
from bot.storage import erasure, tables
from bot.storage.blobs import BlobStore
from bot.storage.database import Database, open_database
from bot.storage.erasure import Subject
from bot.storage.erasure_ledger import ErasureLedger
from bot.storage.moderation import ERASED
from bot.storage.personal_data import TABLES
from tests.bot.privacy.planted import ADA, BOB, GUILD, Planted
from tests.postgres import cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'hotshot.db'}"
        return
    with cluster() as url:
        yield url


def everything(connection: Connection) -> str:
    return "\n".join(
        str(tuple(row)) for data in TABLES for row in connection.execute(select(data.table))
    )


def ledger_in(directory: Path) -> ErasureLedger:
    return ErasureLedger(directory / "erased")


async def rows_of(database: Database, table: Any, *columns: str) -> list[tuple[Any, ...]]:
    def read(connection: Connection) -> list[tuple[Any, ...]]:
        query = select(*(table.c[name] for name in columns)).order_by(*table.primary_key)
        return [tuple(row) for row in connection.execute(query)]

    return await database.read(read)


async def erase(database: Database, blobs: BlobStore, directory: Path) -> None:
    await database.write(erasure.begin, ADA, datetime.now(UTC))
    assert (
        await erase_before_start(database, blobs, directory / "scratch", ledger_in(directory)) == 1
    )


async def test_nothing_of_hers_is_left_and_all_of_the_others_is(
    address: str, tmp_path: Path
) -> None:
    planted, blobs = Planted(), BlobStore(tmp_path / "blobs")
    async with open_database(address) as database:
        await planted.fill(database, blobs)
        assert planted.word in await database.read(everything)
        assert len(planted.left(tmp_path)) >= 5
        await erase(database, blobs, tmp_path)
        left = await database.read(everything)
        assert planted.word not in left
        assert planted.left(tmp_path) == []  # while it is open: its log was emptied
        assert {blob.name for blob in blobs} & planted.blobs == set()

        assert left.count(planted.other) >= 6
        jobs = await rows_of(database, tables.jobs, "user_id", "output")
        assert [user_id for user_id, _ in jobs] == [BOB]
        assert await asyncio.to_thread(blobs.path(jobs[0][1]).exists)
        assert await rows_of(database, tables.favourites, "user_id", "job_id") == [(BOB, "b" * 32)]
        assert await rows_of(database, tables.gallery_votes, "user_id") == [(78,)]
        assert await rows_of(database, tables.reports, "reporter_id") == [(78,)]
        # what is kept, and said to be
        assert await rows_of(database, tables.blocks, "target_id", "actor_id", "name") == [
            (BOB, ERASED, f"name-{planted.other}"),
            (ADA, BOB, ""),
        ]
        assert await rows_of(database, tables.audit, "actor_id", "action", "target", "detail") == [
            (BOB, "block", f"<@{ADA}>", f"reason-{planted.other}"),
            (BOB, "removed", "", ""),
            (BOB, "kept", f"<@{BOB}>", ""),
            (ERASED, "block", f"<@{BOB}>", ""),
        ]
        assert await rows_of(database, tables.usage, "user_id") == [(BOB,), (ADA,)]
        # the bot has yet to delete what it posted
        assert await rows_of(database, tables.erased_messages, "channel_id", "message_id") == [
            (3, 31),
            (3, 32),
            (5, 50 + ord("p")),
            (6, 61),
            (8, 81),
        ]
        for message in await database.read(erasure.some_messages):
            assert await database.read(erasure.pending_of, ADA) is not None
            await database.write(erasure.note_message_gone, message)
        assert await database.read(erasure.pending_of, ADA) is None


class Dying:
    """A database's ``write`` that raises after each write that changed anything."""

    def __init__(self, database: Database) -> None:
        self._write = database.write
        database.write = self  # type: ignore[method-assign]

    async def __call__(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        def counted(connection: Connection) -> tuple[Any, bool]:
            changes = text("SELECT total_changes()")
            before = connection.execute(changes).scalar()
            result = query(connection, *args, **kwargs)
            return result, connection.execute(changes).scalar() != before

        result, has_changed = await self._write(counted)
        if has_changed:
            raise StorageError("killed")
        return result


async def test_killed_after_any_write_it_goes_on(tmp_path: Path) -> None:
    """Each change is the last one of its run; what is noted is all that the next one knows."""
    planted, blobs, deaths = Planted(), BlobStore(tmp_path / "blobs"), 0
    async with open_database(f"sqlite:///{tmp_path / 'hotshot.db'}") as database:
        await planted.fill(database, blobs)
        await database.write(erasure.begin, ADA, datetime.now(UTC))
        Dying(database)
        is_over = False
        while not is_over:
            try:
                await erase_before_start(database, blobs, tmp_path / "scratch", ledger_in(tmp_path))
                is_over = True
            except StorageError:
                deaths += 1
        assert deaths > 20
        left = await rows_of(database, tables.erased_messages, "message_id")
        assert left == [(31,), (32,), (50 + ord("p"),), (61,), (81,)]
    assert planted.left(tmp_path) == []


async def test_files_of_others_unfinished_jobs_go_when_these_are_over(tmp_path: Path) -> None:
    planted, blobs = Planted(), BlobStore(tmp_path / "blobs")

    def set_state(connection: Connection, state: str) -> None:
        connection.execute(
            update(tables.jobs).where(tables.jobs.c.id == "b" * 32).values(state=state)
        )

    async with open_database(f"sqlite:///{tmp_path / 'hotshot.db'}") as database:
        await planted.fill(database, blobs)
        await database.write(set_state, "running")
        await erase(database, blobs, tmp_path)
        assert len(planted.left(tmp_path)) == 2  # her LoRA and her GIF, which bob's job is shown
        assert await database.read(erasure.files_left) == 2
        await database.write(set_state, "done")
        await erase_files(database, blobs)
        assert planted.left(tmp_path) == []
        assert await database.read(erasure.files_left) == 0


async def test_a_file_that_somebody_else_keeps_as_theirs_stays(tmp_path: Path) -> None:
    planted, blobs = Planted(), BlobStore(tmp_path / "blobs")
    async with open_database(f"sqlite:///{tmp_path / 'hotshot.db'}") as database:
        await planted.fill(database, blobs)
        [(lora,)] = await rows_of(database, tables.loras, "blob")

        def keep_too(connection: Connection) -> None:
            row = dict(connection.execute(select(tables.loras)).mappings().one())
            theirs = {"id": "m" * 32, "owner_id": BOB, "name": "mine", "name_key": "mine"}
            connection.execute(tables.loras.insert().values(**row | theirs))

        await database.write(keep_too)
        await erase(database, blobs, tmp_path)
        assert await asyncio.to_thread(blobs.path(lora).exists)
        assert await database.read(erasure.files_left) == 0


async def test_a_server_goes_and_its_peoples_gifs_stay_without_it(
    address: str, tmp_path: Path
) -> None:
    planted, blobs = Planted(), BlobStore(tmp_path / "blobs")
    async with open_database(address) as database:
        await planted.fill(database, blobs)
        await erase_rows(database, Subject(GUILD, is_server=True))
        places = await rows_of(database, tables.jobs, "guild_id", "channel_id", "message_id")
        assert places == [(None, 0, None)] * 3
        assert await rows_of(database, tables.gallery_posts, "id") == []
        assert await rows_of(database, tables.gallery_votes, "post_id") == []
        assert await rows_of(database, tables.audit, "action") == []
        assert await rows_of(database, tables.reports, "id") == []
        assert await rows_of(database, tables.loras, "shared", "guild_id") == [("me", None)]
        assert len(await rows_of(database, tables.blocks, "guild_id")) == 1
        # of other servers
        await erase_rows(database, Subject(ADA, is_server=True))
        kept = await rows_of(database, tables.preferences, "kind", "owner_id")
        assert kept == [("person", ADA)]


async def test_a_database_of_before_is_rewritten_once(tmp_path: Path) -> None:
    file = tmp_path / "hotshot.db"
    word = "written-before"
    async with open_database(f"sqlite:///{file}") as database:

        def as_before(connection: Connection) -> None:
            connection.execute(text("PRAGMA secure_delete = OFF"))
            connection.execute(text("PRAGMA user_version = 0"))
            values = {"guild_id": 1, "kind": "allow", "content": word * 100}
            connection.execute(tables.word_lists.insert().values(**values))

        def deleted(connection: Connection) -> None:
            connection.execute(text("PRAGMA secure_delete = OFF"))
            connection.execute(tables.word_lists.delete())

        await database.write(as_before)
        await database.write(deleted)
    assert word.encode() in file.read_bytes(), "else the test shows nothing"
    async with open_database(f"sqlite:///{file}"):
        pass
    assert word.encode() not in file.read_bytes()
    changed = file.read_bytes()
    async with open_database(f"sqlite:///{file}"):
        pass
    assert file.read_bytes() == changed
