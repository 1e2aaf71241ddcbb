"""What was set once: kept in memory, and never older than what was written."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.storage.database import open_database
from bot.storage.preferences import PERSON, SERVER, Preferences, change


async def test_what_was_set_is_read_once_and_again_after_a_change(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path}/hotshot.db") as database:
        kept = Preferences(database)
        assert await kept.both(1, 2) == ({}, {})
        await database.write(change, PERSON, 1, {"size": "wide"})  # behind its back
        assert await kept.get(PERSON, 1) == {}
        assert await kept.change(PERSON, 1, {"format": "mp4"}) == {
            "size": "wide",
            "format": "mp4",
        }
        assert await kept.both(1, None) == ({"size": "wide", "format": "mp4"}, {})
        assert await Preferences(database).get(PERSON, 1) == await kept.get(PERSON, 1)


async def test_what_is_handed_out_can_be_changed_without_harm(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path}/hotshot.db") as database:
        kept = Preferences(database)
        (await kept.change(SERVER, 5, {"frames": 8}))["frames"] = 9
        (await kept.get(SERVER, 5))["frames"] = 9
        assert await kept.get(SERVER, 5) == {"frames": 8}


async def test_a_slow_read_never_outlives_a_change(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path}/hotshot.db") as database:
        for owner in range(20):
            kept = Preferences(database)
            await asyncio.gather(
                kept.get(PERSON, owner),
                kept.change(PERSON, owner, {"size": "tall"}),
                kept.get(PERSON, owner),
            )
            assert await kept.get(PERSON, owner) == {"size": "tall"}
