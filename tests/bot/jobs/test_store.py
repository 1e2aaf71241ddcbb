"""How many unfinished jobs there may be, in all, of one person and on one server."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.errors import NotAcceptedError
from bot.jobs.gate import Admission, UnfinishedLimit
from bot.jobs.store import JobStore, estimated_bytes, now
from bot.policy.policy_gate import too_many_of_yours
from bot.policy.server_rules import too_many_here
from bot.storage.database import open_database
from bot.storage.models import Job, State
from tests.bot.jobs.samples import ORIGIN, REQUEST
from tests.postgres import cluster

ANYTHING = Admission()


def of_one_person(most: int) -> Admission:
    return Admission(per_person=UnfinishedLimit(most, too_many_of_yours))


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'hotshot.db'}"
        return
    with cluster() as url:
        yield url


async def test_twenty_at_once_make_as_many_as_are_allowed(address: str) -> None:
    async with open_database(address) as database:
        store = JobStore(database, 100)

        async def add(most: int | None, user_id: int = 7, guild_id: int | None = 4) -> Job:
            origin = replace(ORIGIN, user_id=user_id, guild_id=guild_id)
            limit = None if most is None else UnfinishedLimit(most, too_many_here)
            return await store.add(origin, REQUEST, "nano", admission=Admission(in_guild=limit))

        async def taken(*tries: object) -> list[Job]:
            found = await asyncio.gather(*tries, return_exceptions=True)  # type: ignore[call-overload]
            refused = [each for each in found if not isinstance(each, Job)]
            assert all(isinstance(each, NotAcceptedError) for each in refused), refused
            return [each for each in found if isinstance(each, Job)]

        [first] = await taken(*(add(1) for _ in range(20)))
        assert len(store) == 1
        # others, other servers and those who aren't limited are no part of it
        assert len(await taken(add(1, user_id=8), add(1, guild_id=5), add(None), add(None))) == 4
        assert await taken(add(3)) == []
        assert len(await taken(*(add(5) for _ in range(20)))) == 2
        moved = await store.move(first, State.CANCELLED, finished_at=now())
        assert moved is not None
        assert len(await taken(*(add(5) for _ in range(20)))) == 1
        assert len(store) == 7


async def test_what_is_still_to_be_written_is_counted(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path / 'hotshot.db'}") as database:
        store = JobStore(database, 100)
        each = estimated_bytes(REQUEST)
        assert each == 512 * 512 * REQUEST.video_length // 2
        first, second = [
            await store.add(ORIGIN, REQUEST, "nano", admission=ANYTHING) for _ in range(2)
        ]
        assert store.pending_bytes == 2 * each
        running = await store.move(first, State.RUNNING, attempt=1, started_at=now())
        assert running is not None
        assert store.pending_bytes == 2 * each
        await store.move(second, State.CANCELLED, finished_at=now())
        await store.move(running, State.FAILED, finished_at=now())
        assert store.pending_bytes == 0


async def test_the_quota_counts_people_and_all(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path / 'hotshot.db'}") as database:
        store, admission = JobStore(database, 3), of_one_person(2)

        async def add(user_id: int) -> Job:
            origin = replace(ORIGIN, user_id=user_id)
            return await store.add(origin, REQUEST, "nano", admission=admission)

        first, second = await asyncio.gather(add(7), add(7))
        with pytest.raises(NotAcceptedError, match="You already have 2 GIFs"):
            await add(7)
        await add(8)
        with pytest.raises(NotAcceptedError, match="The queue is full: 3 GIFs"):
            await add(9)
        # less than there were before
        store, admission = JobStore(database, 2), of_one_person(1)
        assert [job.user_id async for job in store.load()] == [7, 7, 8]
        with pytest.raises(NotAcceptedError, match="The queue is full: 3 GIFs"):
            await add(9)
        for job in (first, second):
            await store.move(job, State.CANCELLED, finished_at=now())
        await add(9)
        with pytest.raises(NotAcceptedError, match="You already have 1 GIF "):
            await add(8)


async def test_what_is_being_written_counts_already(tmp_path: Path) -> None:
    async with open_database(f"sqlite:///{tmp_path / 'hotshot.db'}") as database:
        store, admission = JobStore(database, 5), of_one_person(3)
        tries = [store.add(ORIGIN, REQUEST, "nano", admission=admission) for _ in range(20)]
        found = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(each, Job) for each in found) == len(store) == 3
        assert sum(isinstance(each, NotAcceptedError) for each in found) == 17
