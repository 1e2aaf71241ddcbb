"""What migrations add since 0012, and the way back; ``test_earlier_version`` has what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import MetaData, insert

from bot.storage import daily_usage, jobs
from bot.storage.database import create_engine, open_database
from tests.bot.jobs.samples import REQUEST
from tests.postgres import cluster

BEFORE = "0011"
NOW = datetime.now(UTC).isoformat(timespec="microseconds")


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'hotshot.db'}"
        return
    with cluster() as url:
        yield url


def alembic(address: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(resources.files("migrations")))
    config.attributes["url"] = address
    return config


def fill(address: str) -> None:
    """Rows as the version before wrote them."""
    old_job = {
        "attempt": 1,
        "crashes": 0,
        "application_id": 1,
        "token": "",
        "asked_at": NOW,
        "user_id": 7,
        "user_name": "ada",
        "channel_id": 3,
        "upload_limit": 10**7,
        "request": REQUEST.to_dict(),
        "model": "nano",
        "created_at": NOW,
    }
    rows: list[tuple[str, dict[str, Any]]] = [
        ("jobs", {**old_job, "id": "a", "state": "done", "told": True}),
        ("jobs", {**old_job, "id": "b", "state": "failed", "told": False, "error": "x"}),
        ("jobs", {**old_job, "id": "c", "state": "queued", "told": False}),
        ("brought", {"user_id": 7, "kind": "files", "amount": 5, "created_at": NOW}),
    ]
    engine = create_engine(address)
    old = MetaData()
    old.reflect(engine)
    with engine.begin() as connection:
        for table, values in rows:
            connection.execute(insert(old.tables[table]).values(**values))
    engine.dispose()


async def test_what_is_new_is_empty_and_what_is_counted_goes_on(address: str) -> None:
    command.upgrade(alembic(address), BEFORE)
    fill(address)
    async with open_database(address) as database:
        failed = await database.read(jobs.get, "b")
        assert failed is not None
        assert (failed.failure_kind, failed.failure_is_retryable) == (None, None)
        assert (failed.origin.group_id, failed.origin.group_place) == (None, 0)
        assert await database.read(daily_usage.within_a_day, 7, "files") == 5
        assert await database.write(daily_usage.note_within, 7, "files", 1, 10)


def test_there_is_a_way_back(address: str) -> None:
    command.upgrade(alembic(address), BEFORE)
    fill(address)
    command.upgrade(alembic(address), "head")
    command.downgrade(alembic(address), BEFORE)
    engine = create_engine(address)
    old = MetaData()
    old.reflect(engine)
    with engine.connect() as connection:
        table = old.tables["jobs"]
        found = connection.execute(table.select().order_by(table.c.id)).mappings().all()
        assert [bool(row["told"]) for row in found] == [True, False, False]
        assert connection.execute(old.tables["brought"].select()).mappings().one()["amount"] == 5
    engine.dispose()
