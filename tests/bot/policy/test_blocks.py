"""Blocks hold where and as long as they were made for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.errors import RefusedError
from bot.policy.blocks import BlockList
from bot.storage.database import Database, open_database
from bot.storage.moderation import EVERYWHERE, PERSON, SERVER, AuditEntry, Block

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ADA, BOB, HERE, THERE = 1, 2, 10, 11


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(f"sqlite:///{tmp_path / 'hotshot.db'}") as opened:
        yield opened


def entry(action: str) -> AuditEntry:
    return AuditEntry(guild_id=HERE, actor_id=BOB, action=action, created_at=NOW)


async def test_blocks_hold_where_and_as_long_as_they_say(database: Database) -> None:
    now = NOW
    blocks = BlockList(database, lambda: now)
    hour = Block(
        kind=PERSON, target_id=ADA, guild_id=HERE, until=NOW + timedelta(hours=1), created_at=NOW
    )
    await blocks.block(hour, entry("block"))
    await blocks.block(Block(kind=PERSON, target_id=BOB, created_at=NOW), entry("block"))
    await blocks.block(Block(kind=SERVER, target_id=THERE, created_at=NOW), entry("block"))
    for each in (blocks, again := BlockList(database, lambda: now)):
        if each is again:
            await again.load()
        with pytest.raises(RefusedError, match="until"):
            each.check(ADA, HERE)
        each.check(ADA, None)
        with pytest.raises(RefusedError, match="any more"):
            each.check(BOB, None)
        with pytest.raises(RefusedError, match="blocked this server"):
            each.check(3, THERE)
        assert [block.target_id for block in each.listed(EVERYWHERE)] == [BOB, THERE]
    now = NOW + timedelta(hours=1)
    blocks.check(ADA, HERE)
    assert not blocks.listed(HERE)
    await blocks.unblock((PERSON, BOB, EVERYWHERE), entry("unblock"))
    blocks.check(BOB, None)
    with pytest.raises(RefusedError, match="aren't blocked"):
        await blocks.unblock((PERSON, BOB, EVERYWHERE), entry("unblock"))
