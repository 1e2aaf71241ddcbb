"""Seconds that somebody used count by day and month, and what is left of them is theirs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from pydantic import ValidationError

from bot.core.errors import RefusedError
from bot.core.quota_settings import QuotaLimits, QuotaSettings
from bot.jobs.cost_model import Estimate
from bot.jobs.gate import Actor, Place
from bot.policy.seconds_quota import SecondsQuota
from bot.storage import jobs as rows
from bot.storage.database import Database, open_database
from bot.storage.models import Job, State
from bot.storage.preferences import EVERYBODY, QUOTAS, SERVER, Preferences
from tests.bot.jobs.rig import JobRig, RecordingNotifier
from tests.bot.jobs.samples import ORIGIN, REQUEST

HERE, ROLE = 10, 99
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ADA = Actor(user_id=ORIGIN.user_id)
PLACE = Place(guild_id=HERE)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(f"sqlite:///{tmp_path / 'hotshot.db'}") as opened:
        yield opened


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[JobRig]:
    rig = JobRig(database, tmp_path, RecordingNotifier())
    yield rig
    await rig.jobs.close()


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
        asked_by=lambda _: (),
        estimate=lambda _: None,
        clock=lambda: now,
    )
    await end_job(database, State.DONE, 60, NOW - timedelta(days=1))
    await end_job(database, State.FAILED, 500, NOW)
    await end_job(database, State.DONE, 60, NOW)
    await quota.check(ADA, PLACE, [REQUEST])
    today, month = await quota.lines(ADA, PLACE)
    assert (today.used, today.limit, month.used) == (60, 100, 120)
    assert today.returns == month.returns == datetime(2026, 2, 1, tzinfo=UTC)
    await end_job(database, State.DONE, 40, NOW)
    with pytest.raises(RefusedError, match=r"your 100 seconds of computing \(today\)"):
        await quota.check(ADA, PLACE, [REQUEST])
    await quota.check(Actor(user_id=ADA.user_id + 1), PLACE, [REQUEST])
    now = NOW + timedelta(hours=12)  # another day, and another month
    await quota.check(ADA, PLACE, [REQUEST])
    assert [line.used for line in await quota.lines(ADA, PLACE)] == [0, 0]


async def test_roles_and_servers_have_their_own(database: Database) -> None:
    preferences = Preferences(database)
    settings = QuotaSettings(
        day_seconds=10,
        servers={str(HERE): QuotaLimits(day_seconds=20)},
        roles={str(ROLE): QuotaLimits(day_seconds=1000)},
    )
    quota = SecondsQuota(
        database,
        preferences,
        settings,
        asked_by=lambda _: (),
        estimate=lambda _: None,
        clock=lambda: NOW,
    )
    await end_job(database, State.DONE, 15, NOW)
    await quota.check(ADA, PLACE, [REQUEST])
    with pytest.raises(RefusedError):
        await quota.check(ADA, Place(), [REQUEST])
    await end_job(database, State.DONE, 15, NOW)
    with pytest.raises(RefusedError):
        await quota.check(ADA, PLACE, [REQUEST])
    artist = replace(ADA, roles=frozenset({ROLE}))
    await quota.check(artist, PLACE, [REQUEST])
    await preferences.change(SERVER, HERE, {QUOTAS: {EVERYBODY: [25, 0]}})
    with pytest.raises(RefusedError, match="today, on this server"):
        await quota.check(artist, PLACE, [REQUEST])
    await quota.check(replace(artist, manages_guild=True), PLACE, [REQUEST])
    await preferences.change(SERVER, HERE, {QUOTAS: {EVERYBODY: [25, 0], str(ROLE): [0, 0]}})
    await quota.check(artist, PLACE, [REQUEST])


def test_limits_that_contradict_are_refused() -> None:
    with pytest.raises(ValidationError, match="less than day_seconds"):
        QuotaLimits(day_seconds=10, month_seconds=5)


async def test_what_waits_is_reserved_and_given_back(rig: JobRig) -> None:
    """Of ten at once, and of one after the other, as many are taken as there are seconds for."""
    rig.size = 20
    rig.quota = QuotaSettings(day_seconds=160, servers={"5": QuotaLimits(day_seconds=100)})
    rig.restarted()
    rig.cost_history.learn("cpu", REQUEST, Estimate(50.0, 1.0, 1.0))
    here = replace(ORIGIN, guild_id=HERE)
    tried = await asyncio.gather(*(rig.accept(here) for _ in range(10)), return_exceptions=True)
    taken = [each for each in tried if isinstance(each, Job)]
    assert len(taken) == 3
    refused = [str(each) for each in tried if isinstance(each, RefusedError)]
    assert len(refused) == 7
    assert "about 50 s of computing, and you have 10 of 160 s left (today)" in refused[0]
    actor, place = Actor(user_id=ORIGIN.user_id), Place(guild_id=HERE)
    with pytest.raises(RefusedError, match="about 100 s"):
        await rig.gate.check_requests(actor, place, [REQUEST, REQUEST])
    today, _ = await rig.gate.quota(actor, place)
    assert (today.used, round(today.reserved), round(today.left)) == (0, 150, 10)
    await rig.jobs.cancel(taken[2].id, by=ORIGIN.user_id)
    await rig.accept(here)
    running, generate = await rig.start_job()
    rig.jobs.job_ended(running, rig.finished(generate, seconds=20))
    await rig.until(running, State.DONE)
    await rig.restarted().recover()  # what waits is reserved by the next run, too
    rig.cost_history.learn("cpu", REQUEST, Estimate(50.0, 1.0, 1.0))
    today, _ = await rig.gate.quota(actor, place)
    assert (today.used, round(today.reserved), round(today.left)) == (20, 100, 40)
    await rig.accept(replace(here, user_id=8))


async def test_one_of_which_nothing_is_known_reserves_all_that_is_left(rig: JobRig) -> None:
    rig.quota = QuotaSettings(day_seconds=60)
    rig.restarted()
    job = await rig.accept()
    today, _ = await rig.gate.quota(Actor(user_id=ORIGIN.user_id), Place())
    assert (today.reserved, today.left) == (60, 0)
    with pytest.raises(RefusedError, match=r"may take all of .* left \(today\); wait for them"):
        await rig.accept()
    running, generate = await rig.start_job()
    rig.jobs.job_ended(running, rig.finished(generate, seconds=20))
    await rig.until(job, State.DONE)
    await rig.accept()
    await rig.accept()
    with pytest.raises(RefusedError, match="about 20 s of computing, and you have 0 of 60 s left"):
        await rig.accept()


async def test_what_waits_elsewhere_is_not_reserved_on_a_server(rig: JobRig) -> None:
    rig.cost_history.learn("cpu", REQUEST, Estimate(50.0, 1.0, 1.0))
    await rig.preferences.change(SERVER, HERE, {QUOTAS: {EVERYBODY: [60, 0]}})
    await rig.accept(replace(ORIGIN, guild_id=HERE + 1))
    await rig.accept(replace(ORIGIN, guild_id=HERE))
    with pytest.raises(RefusedError, match=r"10 of 60 s left \(today, on this server\)"):
        await rig.accept(replace(ORIGIN, guild_id=HERE))
    await rig.accept(replace(ORIGIN, guild_id=HERE + 1))


async def test_the_highest_of_somebody_s_roles_is_their_priority(rig: JobRig) -> None:
    rig.priority_roles = {"1": 2.0, "2": 4.0, "3": 0.5}
    rig.restarted()
    place = Place(guild_id=HERE)
    for roles, priority in (({1, 2}, 4.0), ({3}, 0.5), ({3, 1}, 2.0), ({9}, 1.0)):
        actor = Actor(user_id=min(roles), roles=frozenset(roles))
        origin = replace(ORIGIN, user_id=min(roles), guild_id=HERE)
        async with rig.jobs.accept(origin, REQUEST, actor=actor, place=place) as job:
            assert job.origin.priority == priority
        assert rig.jobs._queue.order()[rig.jobs._queue.position(job.id)].priority == priority
        await rig.restarted().recover()
        assert rig.jobs._queue.order()[rig.jobs._queue.position(job.id)].priority == priority
        await rig.jobs.cancel(job.id, by=job.user_id)
