"""A filled database of the version before 0012: nothing is lost on the way, and all of it is read.

``before_0012.sql`` is a dump of what that version's bot wrote in a sandbox, killed in the middle:
jobs in every state and of every relation, LoRAs shared in each way, favourites, edits, settings,
a draft, what was learnt of the machine. Rows that a bot seldom leaves (a delivery cut short, a
reason that nobody was told, a failure of an older version without a reason) were added by that
version's own functions.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Boolean, Connection, MetaData, Table, insert, inspect, text

from bot.jobs.cost_history import CostHistory
from bot.storage import edits, jobs, library, loras, preferences, registrations
from bot.storage.database import Database, create_engine, open_database
from bot.storage.migrate import known_revisions, revision_of
from bot.storage.models import UNFINISHED, State
from tests.postgres import cluster

DUMP = Path(__file__).parents[2] / "data" / "databases" / "before_0012.sql"
MIGRATIONS = Path(__file__).parents[3] / "migrations"
BEFORE = "0011"
# What is called otherwise since then: of tables, and of columns.
TABLES = {"brought": "daily_usage"}
COLUMNS = {"told": "owner_notified"}

Rows = dict[str, list[dict[str, Any]]]


def rows_before() -> Rows:
    """By table, as the dump has them."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(DUMP.read_text(encoding="utf-8"))
        connection.row_factory = sqlite3.Row
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        names = [name for (name,) in connection.execute(query)]
        return {
            name: [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]  # noqa: S608
            for name in names
            if name != "alembic_version"
        }


def rows_now(connection: Connection) -> Rows:
    names = set(inspect(connection).get_table_names()) - {"alembic_version"}
    return {
        name: [dict(row._mapping) for row in connection.execute(text(f"SELECT * FROM {name}"))]  # noqa: S608
        for name in names
    }


def comparable(value: object) -> object:
    """JSON as its value, since SQLite gives its text; truth values as the numbers that they are."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        return json.loads(value)
    return int(value) if isinstance(value, bool) else value


def sorted_rows(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(
        repr({name: comparable(value) for name, value in sorted(row.items())}) for row in rows
    )


def fill_sqlite(path: Path, dump: Path = DUMP) -> str:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(dump.read_text(encoding="utf-8"))
    return f"sqlite:///{path}"


def fill_postgresql(url: str) -> None:
    """The tables as that version's migrations make them, and the dump's rows in them."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(url)
    config.attributes["url"] = engine.url
    command.upgrade(config, BEFORE)
    before = rows_before()
    tables = MetaData()
    tables.reflect(engine)
    with engine.begin() as connection:
        for table in tables.sorted_tables:  # attachments after the jobs that they are of
            if before.get(table.name):
                rows = [as_typed(table, row) for row in before[table.name]]
                connection.execute(insert(table), rows)
    engine.dispose()


def as_typed(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    return {
        name: bool(value) if isinstance(table.c[name].type, Boolean) else comparable(value)
        for name, value in row.items()
    }


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield fill_sqlite(tmp_path / "earlier.db")
    else:
        with cluster() as address:
            fill_postgresql(address)
            yield address


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """Opened by today's code, which migrates it."""
    async with open_database(url) as opened:
        yield opened


@pytest.mark.parametrize("dump", sorted(DUMP.parent.glob("*.sql")), ids=lambda file: file.stem)
async def test_every_version_s_database_is_brought_here(dump: Path, tmp_path: Path) -> None:
    url = fill_sqlite(tmp_path / "a.db", dump)
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        ids = [job_id for (job_id,) in connection.execute("SELECT id FROM jobs")]
    assert ids
    async with open_database(url) as opened:
        assert all([await opened.read(jobs.get, job_id) for job_id in ids])


def test_the_dump_has_something_of_everything() -> None:
    before = rows_before()
    assert [name for name, rows in before.items() if not rows] == []
    assert {row["state"] for row in before["jobs"]} == set(State) - {State.INTERRUPTED}
    assert {row["shared"] for row in before["loras"]} == set(loras.Shared)
    assert {row["kind"] for row in before["preferences"]} == {
        preferences.PERSON,
        preferences.SERVER,
    }
    relations = {row["relation"] for row in before["jobs"]}
    assert {"", "again", "longer", "vary", "edit", "try"} <= relations


async def test_every_row_is_still_there(url: str, database: Database) -> None:
    engine = create_engine(url)
    assert revision_of(engine) == known_revisions()[-1]
    engine.dispose()
    now = await database.read(rows_now)
    for earlier_name, earlier_rows in rows_before().items():
        name = earlier_name if earlier_name in now else TABLES[earlier_name]
        today = now[name][0]
        renamed = [
            {column if column in today else COLUMNS[column]: row[column] for column in row}
            for row in earlier_rows
        ]
        kept = [{column: row[column] for column in renamed[0]} for row in now[name]]
        assert sorted_rows(kept) == sorted_rows(renamed), name


async def test_every_job_is_read(database: Database) -> None:
    for row in rows_before()["jobs"]:
        job = await database.read(jobs.get, row["id"])
        assert job is not None
        assert (job.state, job.number, job.attempt) == (row["state"], row["number"], row["attempt"])
        assert job.origin.user_name == row["user_name"]
        assert job.request.prompt == json.loads(row["request"])["prompt"]
        assert list(job.lora_names) == json.loads(row["lora_names"] or "[]")
        assert str(job.why) == (row["error"] or "")
        assert (job.link is None) is (row["message_id"] is None)


async def test_what_was_left_is_taken_up(database: Database) -> None:
    before = rows_before()["jobs"]
    unfinished = await database.read(jobs.unfinished)
    assert {job.id for job in unfinished} == {
        row["id"] for row in before if row["state"] in UNFINISHED
    }
    untold = {row["id"] for row in before if row["state"] == State.FAILED and not row["told"]}
    assert {job.id for job in await database.read(jobs.owner_not_notified)} == untold != set()


async def test_everybody_finds_what_is_theirs(database: Database) -> None:
    before = rows_before()
    for user_id in {row["user_id"] for row in before["jobs"]}:
        own = {row["id"] for row in before["jobs"] if row["user_id"] == user_id}
        marked = {row["job_id"] for row in before["favourites"] if row["user_id"] == user_id}
        for only, wanted in (("", own), ("favourites", marked)):
            history = library.HistoryFilter(user_id=user_id, only=only)
            page = await database.read(library.page, history, limit=100, offset=0)
            assert {job.id for job in page} == wanted
    for row in before["edits"]:
        edit = await database.read(edits.get, row["id"])
        assert edit is not None
        assert (edit.job_id, [list(step) for step in edit.steps]) == (
            row["job_id"],
            json.loads(row["steps"]),
        )
    for row in before["preferences"]:
        content = await database.read(preferences.get, row["kind"], row["owner_id"])
        assert content == json.loads(row["content"])
    for row in before["registrations"]:
        known = await database.read(registrations.commands_hash, row["application_id"])
        assert known == row["commands_hash"]


async def test_loras_are_found_by_whom_they_are_shared_with(database: Database) -> None:
    before = {row["name"]: row for row in rows_before()["loras"]}
    by_share = {row["shared"]: row for row in before.values()}
    server = by_share["server"]["guild_id"]
    viewers = {
        ("me", by_share["me"]["owner_id"], None): True,
        ("me", 1, server): False,
        ("server", 1, server): True,
        ("server", 1, None): False,
        ("everybody", 1, None): True,
    }
    for (share, user_id, guild_id), is_usable in viewers.items():
        row = by_share[share]
        viewer = loras.Viewer(user_id, guild_id)
        found = await database.read(loras.usable, viewer, row["id"])
        assert (found is not None) is is_usable, (share, user_id, guild_id)
        if found is not None:
            assert (found.name, found.strength) == (row["name"], row["strength"])
            assert found.facts == json.loads(row["facts"])


async def test_what_was_learnt_of_the_machine_is_known(database: Database) -> None:
    model = rows_before()["costs"][0]["model"]
    history = await CostHistory.load(database, model)
    assert history.loading_seconds("cpu") is not None
