"""A data directory with something of everything: jobs in each state, files, a LoRA, a draft."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, inspect, text

from bot.storage import drafts, tables
from bot.storage import jobs as rows
from bot.storage.blobs import BlobStore
from bot.storage.database import create_engine, open_database
from bot.storage.drafts import Draft
from bot.storage.models import Attachment, State
from tests.bot.jobs.samples import ORIGIN, REQUEST

STATES = [state for state in State if state is not State.INTERRUPTED]


@dataclass(frozen=True)
class Stocked:
    """Where it all is; ``blobs`` are the names that rows have."""

    data: Path
    url: str
    store: BlobStore
    blobs: set[str]


def stock(data: Path, url: str = "") -> Stocked:
    """Fill a data directory, and the database of that address or a file in it."""
    data.mkdir(parents=True, exist_ok=True)
    url, store = url or sqlite(data), BlobStore(data / "blobs")
    return Stocked(data, url, store, asyncio.run(_fill(url, store)))


def sqlite(data: Path) -> str:
    return f"sqlite:///{data / 'hotshot.db'}"


async def _fill(url: str, store: BlobStore) -> set[str]:
    names = {store.put(f"blob {number}".encode() * 1000, ".gif") for number in range(10)}
    left = sorted(names)
    async with open_database(url) as database:
        for number, state in enumerate(STATES):
            job = await database.write(
                rows.add,
                f"{number:032}",
                origin=replace(ORIGIN, token=""),
                request=REQUEST,
                model="nano",
                now=datetime.now(UTC),
                attachments=[Attachment(left.pop(), "quoted ' and € .gif", 1)],
            )
            is_over = {"finished_at": datetime.now(UTC), "owner_notified": True}
            values: dict[str, Any] = is_over if state.is_final else {}
            output = left.pop() if state in (State.DONE, State.DELIVERING) else None
            await database.write(rows.move, job, state, output=output, **values)
        await database.write(drafts.add, Draft("2" * 32, 7, left.pop(), {"files": []}))
        await database.write(_add_others, left.pop())
    assert left == []
    return names


def _add_others(connection: Connection, blob: str) -> None:
    lora = {
        "id": "1" * 32,
        "owner_id": 2**62,
        "shared": "me",
        "name": "ink",
        "name_key": "ink",
        "trigger_words": "",
        "strength": 0.1,
        "blob": blob,
        "size_bytes": 5,
        "facts": {"layers": [1, None, "ä"]},
        "created_at": datetime.now(UTC),
    }
    connection.execute(insert(tables.loras).values(**lora))
    connection.execute(
        insert(tables.blocks).values(
            kind="user",
            target_id=5,
            guild_id=0,
            until=None,
            reason="",
            name="x",
            actor_id=1,
            created_at=datetime.now(UTC),
        )
    )


def all_rows(url: str) -> dict[str, list[str]]:
    """By table, as this version's types read them."""
    engine = create_engine(url)
    with engine.connect() as connection:
        names = set(inspect(connection).get_table_names()) - {"alembic_version"}
        assert names == set(tables.metadata.tables)
        found = {
            name: sorted(repr(dict(row._mapping)) for row in connection.execute(table.select()))
            for name, table in tables.metadata.tables.items()
        }
    engine.dispose()
    return found


def states_in(url: str) -> list[str]:
    """The jobs' states, in order."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT state FROM jobs ORDER BY number")).scalars().all()
    engine.dispose()
    return list(found)
