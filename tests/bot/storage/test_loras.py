"""Who finds which LoRA, by what they type; and that a clean-up leaves what is still wanted."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.storage import drafts, loras
from bot.storage.blobs import BlobStore
from bot.storage.database import Database, open_database
from bot.storage.drafts import Draft
from bot.storage.loras import Shared, StoredLora, Viewer
from bot.storage.retention import RetentionLimits, clean_up

ADA, BOB, SERVER, ELSEWHERE = 1, 2, 10, 11


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(f"sqlite:///{tmp_path / 'test.db'}") as opened:
        yield opened


def lora(number: int, name: str, *, shared: Shared = Shared.ME, blob: str = "") -> StoredLora:
    return StoredLora(
        id=f"{number:032x}",
        owner_id=ADA,
        guild_id=SERVER if shared is Shared.SERVER else None,
        shared=shared,
        name=name,
        trigger_words="",
        strength=1.0,
        blob=blob or f"{number:064x}.safetensors",
        size_bytes=100,
        facts={},
        created_at=datetime.now(UTC),
    )


async def names(database: Database, viewer: Viewer, typed: str) -> list[str]:
    found = await database.read(loras.matching, viewer, typed, limit=25)
    return [each.name for each in found]


async def test_the_closest_come_first(database: Database) -> None:
    for number, name in enumerate(("My dragon", "Dragon", "dragonfly", "Die rag on", "100%_x")):
        await database.write(loras.add, lora(number, name))
    ada = Viewer(ADA, None)
    assert await names(database, ada, "DRAGON") == [
        "Dragon",
        "dragonfly",
        "My dragon",
        "Die rag on",
    ]
    assert await names(database, ada, "%") == ["100%_x"]
    assert await names(database, ada, "_") == ["100%_x"]
    assert await names(database, ada, "\\") == []
    assert await names(database, ada, "x" * 5000) == []
    assert len(await names(database, ada, "")) == 5


async def test_everybody_finds_what_they_may_use(database: Database) -> None:
    for number, shared in enumerate(Shared):
        await database.write(loras.add, lora(number, shared.value, shared=shared))
    assert len(await names(database, Viewer(ADA, None), "")) == 3
    assert await names(database, Viewer(BOB, SERVER), "") == ["server", "everybody"]
    assert await names(database, Viewer(BOB, ELSEWHERE), "") == ["everybody"]
    assert await names(database, Viewer(BOB, None), "") == ["everybody"]
    for viewer, found in ((Viewer(BOB, SERVER), True), (Viewer(BOB, None), False)):
        hit = await database.read(loras.usable, viewer, f"{1:032x}")
        assert (hit is not None) is found


async def test_the_quota_is_kept_in_the_transaction(database: Database) -> None:
    add = loras.add_within
    assert await database.write(add, lora(1, "a"), most=2, most_bytes=250) is None
    same = lora(2, "b", blob=lora(1, "a").blob)
    assert "already have that one, as a" in str(
        await database.write(add, same, most=2, most_bytes=250)
    )
    assert await database.write(add, lora(3, "c"), most=2, most_bytes=250) is None
    assert "more than you can" in str(
        await database.write(add, lora(4, "d"), most=9, most_bytes=250)
    )


async def test_the_clean_up_leaves_loras_and_drafts(database: Database, tmp_path: Path) -> None:
    blobs, scratch = BlobStore(tmp_path / "blobs"), tmp_path / "scratch"
    scratch.mkdir()
    kept, drafted, unnamed = (blobs.put(data, ".gif") for data in (b"a", b"b", b"c"))
    for name in (kept, drafted, unnamed):
        os.utime(blobs.path(name), (time.time() - 7200,) * 2)
    await database.write(loras.add, lora(1, "a", blob=kept))
    await database.write(drafts.add, Draft("d" * 32, ADA, drafted, {}))
    await clean_up(database, blobs, scratch, RetentionLimits(timedelta(days=30), 0))
    assert {blob.name for blob in blobs} == {kept, drafted}
