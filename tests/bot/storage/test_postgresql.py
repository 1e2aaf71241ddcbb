"""PostgreSQL as it is found: silent, restarted, shared by two bots, and upgraded half-way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import make_url

from bot.core.errors import DatabaseError, StorageError
from bot.storage import registrations
from bot.storage.database import Database, create_engine, open_database
from bot.storage.migrate import revision_of
from bot.storage.postgresql import LeadershipLostError
from tests.bot.storage.test_migrations import BEFORE, alembic, fill
from tests.patience import PATIENCE
from tests.postgres import cluster, connect, socket_of
from tests.proxies import Proxy, silent_host

SILENT = "The bot's database doesn't answer at the moment, so nothing was accepted"
END_ALL = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE pid <> pg_backend_pid() AND datname = current_database()"""


@pytest.fixture
def address() -> Iterator[str]:
    with cluster() as url:
        yield url


def by_tcp(port: int, address: str) -> str:
    return f"postgresql+psycopg://hotshot@127.0.0.1:{port}/{make_url(address).database}"


async def saved(database: Database, number: int) -> str | None:
    return await database.read(registrations.commands_hash, number)


def process_of(connection: Connection) -> int:
    found: int = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    return found


def end_all(address: str) -> None:
    """As a restart of the server does."""
    with connect(address) as outside:
        outside.execute(END_ALL)


async def test_a_host_that_says_nothing_is_a_sentence_soon() -> None:
    with silent_host() as port:
        began = time.monotonic()
        with pytest.raises(DatabaseError, match=r"can't be used \(connection timeout expired\)"):
            async with open_database(f"postgresql://hotshot@127.0.0.1:{port}/x"):
                pass
        assert time.monotonic() - began < PATIENCE / 10


async def test_a_database_that_can_not_keep_every_language_is_refused(address: str) -> None:
    other = f"{make_url(address).database}_ascii"
    with connect(address) as outside:
        made = f"CREATE DATABASE {other} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"
        outside.execute(made.encode())
    url = make_url(address).set(database=other)
    said = rf"{other}\S* is in the encoding SQL_ASCII, .*createdb --encoding=UTF8"
    with pytest.raises(DatabaseError, match=said):
        async with open_database(url.render_as_string(hide_password=False)):
            pass


async def test_a_proxy_that_falls_silent_refuses_all_at_once_and_is_got_over(
    address: str,
) -> None:
    with Proxy.to(socket_of(address)) as proxy:
        async with open_database(by_tcp(proxy.port, address)) as database:
            await database.write(registrations.save, 1, "before")
            proxy.silent.set()
            waiting = [database.write(registrations.save, n, "x") for n in range(2, 30)]
            told = await asyncio.wait_for(
                asyncio.gather(*waiting, return_exceptions=True), PATIENCE
            )
            assert all(isinstance(each, StorageError) for each in told), told
            assert {str(each).partition(";")[0] for each in told} == {SILENT}
            proxy.silent.clear()
            # the server still has the connection that the bot gave up, and its lock
            await database.write(registrations.save, 1, "after")
            assert await saved(database, 1) == "after"
            assert await saved(database, 2) is None


async def test_a_restarted_server_costs_nobody_anything(address: str) -> None:
    async with open_database(address) as database:
        await database.write(registrations.save, 1, "a")
        end_all(address)
        await database.write(registrations.save, 1, "b")
        end_all(address)
        assert await saved(database, 1) == "b"


async def test_what_is_lost_before_its_commit_is_done_once_more(address: str) -> None:
    tries = []

    def save_and_be_cut_off(connection: Connection) -> None:
        tries.append(process_of(connection))
        if len(tries) == 1:
            registrations.save(connection, 1, "x")
            end_all(address)
        registrations.save(connection, 2, "x")

    async with open_database(address) as database:
        await database.write(save_and_be_cut_off)
        assert len(set(tries)) == 2
        assert (await saved(database, 1), await saved(database, 2)) == (None, "x")


async def test_a_lock_of_somebody_else_s_is_not_waited_for_long(address: str) -> None:
    async with open_database(address) as database:
        with connect(address) as outside, outside.transaction():
            outside.execute("LOCK TABLE registrations IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(StorageError, match="is in use by another program"):
                await database.write(registrations.save, 1, "x")
        await database.write(registrations.save, 1, "x")


async def test_two_bots_never_serve_one_database(address: str) -> None:
    async with open_database(address) as database:
        with pytest.raises(DatabaseError, match=r"Another bot .* already uses the database"):
            async with open_database(address):
                pass
        await database.write(registrations.save, 1, "first")
    async with open_database(address) as database:
        assert await saved(database, 1) == "first"


async def test_a_bot_that_lost_the_lock_to_another_stops(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.storage.database._BEAT_SECONDS", 0.1)
    async with open_database(address) as first:
        end_all(address)
        async with open_database(address) as second:  # before the first has noticed
            with pytest.raises(LeadershipLostError, match="has taken over the database"):
                await asyncio.wait_for(first.watch(), PATIENCE)
            with pytest.raises(StorageError, match="being restarted"):
                await first.write(registrations.save, 1, "first")
            await second.write(registrations.save, 1, "second")
            assert await saved(second, 1) == "second"


async def test_a_slow_statement_is_ended_by_the_server(address: str) -> None:
    def be_slow(connection: Connection) -> None:
        connection.execute(text(f"SELECT pg_sleep({PATIENCE})"))

    async with open_database(address) as database:
        with pytest.raises(StorageError, match="doesn't answer"):
            await database.write(be_slow)
        await database.write(registrations.save, 1, "x")


@pytest.fixture(params=["sqlite", "postgresql"])
def early(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database of an earlier version."""
    file = nullcontext(f"sqlite:///{tmp_path / 'hotshot.db'}")
    with cluster() if request.param == "postgresql" else file as url:
        command.upgrade(alembic(url), BEFORE)
        fill(url)
        yield url


async def test_a_migration_that_fails_half_way_leaves_all_as_it_was(early: str) -> None:
    engine = create_engine(early)
    with engine.begin() as connection:  # in the way of the last one
        connection.execute(text("CREATE TABLE usage (x INTEGER)"))
        before = sorted(inspect(connection).get_table_names())
    kept = []

    def keep(revision: str) -> str:
        kept.append(revision)
        return "; a copy is in FILE"

    for _ in range(2):
        with pytest.raises(DatabaseError, match=r"from revision 0011 .* as it was\..*in FILE"):
            async with open_database(early, before_upgrade=keep):
                pass
        assert revision_of(engine) == BEFORE
        with engine.connect() as connection:
            assert sorted(inspect(connection).get_table_names()) == before
    assert kept == [BEFORE, BEFORE]
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE usage"))
    engine.dispose()
    async with open_database(early):
        pass
