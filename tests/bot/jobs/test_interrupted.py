"""Jobs that a backup had unfinished: found where they were posted, or offered; never just made."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection, update

from bot.jobs.notifier import Posted
from bot.storage import jobs as rows
from bot.storage.models import RESUMED, Job, State
from bot.storage.tables import jobs as table
from generator.contract.errors import FailureKind
from tests.bot.jobs.rig import JobRig
from tests.bot.jobs.samples import ORIGIN


def interrupt(connection: Connection) -> None:
    connection.execute(update(table).values(state=State.INTERRUPTED))


async def interrupted(rig: JobRig) -> Job:
    """One that is taken up by a new service, once it has been settled."""
    job = await rig.accept()
    await rig.database.write(interrupt)
    service = rig.restarted()
    await service.recover()
    await service.wait_until_idle()
    assert rig.notifier.delivered == []
    return await rig.row(job)


async def test_one_that_was_posted_is_done(rig: JobRig) -> None:
    rig.notifier.posted = Posted(message_id=11, channel_id=12)
    job = await interrupted(rig)
    assert (job.state, job.message_id, job.message_channel_id) == (State.DONE, 11, 12)
    assert rig.notifier.notified == []


@pytest.mark.parametrize("trouble", ["", "nobody can look there"])
async def test_one_that_wasn_t_is_offered_and_stays_over(rig: JobRig, trouble: str) -> None:
    rig.notifier.refusing = trouble
    job = await interrupted(rig)
    assert (job.state, job.failure_kind) == (State.FAILED, FailureKind.INTERRUPTED)
    assert job.failure_is_retryable
    assert [state for state, _ in rig.notifier.notified] == ["failed"]
    service = rig.restarted()
    await service.recover()
    await service.wait_until_idle()
    assert len(rig.notifier.notified) == 1
    assert len(rig.store) == 0


async def test_one_may_be_cancelled_while_it_is_looked_for(rig: JobRig) -> None:
    job = await rig.accept()
    await rig.database.write(interrupt)
    service = rig.restarted()
    rig.notifier.holding.clear()
    await service.recover()
    cancelled = await service.cancel(job.id, by=job.user_id)
    rig.notifier.holding.set()
    await service.wait_until_idle()
    assert cancelled.state is (await rig.row(job)).state is State.CANCELLED


async def test_it_counts_as_made_again_unless_that_failed(rig: JobRig) -> None:
    job = await interrupted(rig)
    for state, is_resumed in ((State.FAILED, False), (State.CANCELLED, False), (State.DONE, True)):
        child = await rig.accept(replace(ORIGIN, parent_id=job.id, relation=RESUMED))
        assert await rig.database.read(rows.is_resumed, job.id)
        await rig.database.write(_end, child.id, state)
        assert await rig.database.read(rows.is_resumed, job.id) is is_resumed


def _end(connection: Connection, job_id: str, state: State) -> None:
    connection.execute(update(table).where(table.c.id == job_id).values(state=state))
