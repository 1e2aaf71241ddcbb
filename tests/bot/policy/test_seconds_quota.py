"""Seconds that somebody used count by day and month, and what is left of them is theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import ValidationError

from bot.core.errors import RefusedError
from bot.core.quota_settings import QuotaLimits, QuotaSettings
from bot.jobs.gate import Actor, Place
from bot.policy.seconds_quota import SecondsQuota
from bot.storage import jobs as rows
from bot.storage.database import Database, open_database
from bot.storage.models import State
from bot.storage.preferences import EVERYBODY, QUOTAS, SERVER, Preferences
from tests.bot.jobs.samples import ORIGIN, REQUEST

HERE, ROLE = 10, 99
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ADA = Actor(user_id=ORIGIN.user_id)
PLACE = Place(guild_id=HERE)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(f"sqlite:///{tmp_path / 'hotshot.db'}") as opened:
        yield opened


async def end_job(database: Database, state: State, seconds: float, at: datetime) -> None:
    """A job that took so long, through the states that lead there."""
    origin = replace(ORIGIN, guild_id=HERE)
    job = await database.write(
        rows.add, uuid4().hex, origin=origin, request=REQUEST, model="nano", now=at
    )
    for each in (State.RUNNING, State.DELIVERING, state):
        values = {"seconds": seconds} if each is State.DELIVERING else {}
        ended = {"finished_at": at} if each is state else {}
        moved = await database.write(rows.move, job, each, **values, **ended)
        assert moved is not None
        job = moved


async def test_what_is_done_counts_and_what_failed_does_not(database: Database) -> None:
    now = NOW
    quota = SecondsQuota(
        database,
        Preferences(database),
        QuotaSettings(day_seconds=100, month_seconds=150),
        lambda: now,
    )
    await end_job(database, State.DONE, 60, NOW - timedelta(days=1))
    await end_job(database, State.FAILED, 500, NOW)
    await end_job(database, State.DONE, 60, NOW)
    await quota.check(ADA, PLACE)
    today, month = await quota.lines(ADA, PLACE)
    assert (today.used, today.limit, month.used) == (60, 100, 120)
    assert today.returns == month.returns == datetime(2026, 2, 1, tzinfo=UTC)
    await end_job(database, State.DONE, 40, NOW)
    with pytest.raises(RefusedError, match=r"your 100 seconds of computing \(today\)"):
        await quota.check(ADA, PLACE)
    await quota.check(Actor(user_id=ADA.user_id + 1), PLACE)
    now = NOW + timedelta(hours=12)  # another day, and another month
    await quota.check(ADA, PLACE)
    assert [line.used for line in await quota.lines(ADA, PLACE)] == [0, 0]


async def test_roles_and_servers_have_their_own(database: Database) -> None:
    preferences = Preferences(database)
    settings = QuotaSettings(
        day_seconds=10,
        servers={str(HERE): QuotaLimits(day_seconds=20)},
        roles={str(ROLE): QuotaLimits(day_seconds=1000)},
    )
    quota = SecondsQuota(database, preferences, settings, lambda: NOW)
    await end_job(database, State.DONE, 15, NOW)
    await quota.check(ADA, PLACE)
    with pytest.raises(RefusedError):
        await quota.check(ADA, Place())
    await end_job(database, State.DONE, 15, NOW)
    with pytest.raises(RefusedError):
        await quota.check(ADA, PLACE)
    artist = replace(ADA, roles=frozenset({ROLE}))
    await quota.check(artist, PLACE)
    await preferences.change(SERVER, HERE, {QUOTAS: {EVERYBODY: [25, 0]}})
    with pytest.raises(RefusedError, match="today, on this server"):
        await quota.check(artist, PLACE)
    await quota.check(replace(artist, manages_guild=True), PLACE)
    await preferences.change(SERVER, HERE, {QUOTAS: {EVERYBODY: [25, 0], str(ROLE): [0, 0]}})
    await quota.check(artist, PLACE)


def test_limits_that_contradict_are_refused() -> None:
    with pytest.raises(ValidationError, match="less than day_seconds"):
        QuotaLimits(day_seconds=10, month_seconds=5)
