"""Who is above a quota is counted by which it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.config import LoraSettings
from bot.core.errors import RefusedError, StorageError
from bot.policy.daily_quota import LORAS, daily_bytes, daily_reports
from bot.policy.decisions import Answer, Decision, DecisionStream, Rule
from bot.policy.lora_quota import KeptLoraQuota
from bot.storage.database import open_database


async def test_refusals_by_quotas_are_told(tmp_path: Path) -> None:
    stream = DecisionStream()
    told: list[Decision] = []
    stream.subscribe(told.append)
    async with open_database(f"sqlite:///{tmp_path / 'test.db'}") as database:
        daily = daily_bytes(database, LORAS, 1, stream)
        await daily.record(7, 2**20)
        for refused in (daily.check(7, 1), daily.record(7, 1)):
            with pytest.raises(RefusedError, match="within 24 hours"):
                await refused
        kept = KeptLoraQuota(database, LoraSettings(per_user=0), stream)
        with pytest.raises(RefusedError, match="that is the limit here"):
            await kept.bytes_left(7)
        await daily_reports(database, stream).check(7, 1)
    rules = (Rule.LORAS, Rule.LORAS, Rule.KEPT_LORAS)
    assert told == [Decision(Answer.REFUSED, rule) for rule in rules]


def test_a_database_that_fails_decides_nothing() -> None:
    stream = DecisionStream()
    told: list[Decision] = []
    stream.subscribe(told.append)
    with pytest.raises(StorageError), stream.asking(Rule.QUOTA):
        raise StorageError("The bot's disk is failing.")
    assert told == []
