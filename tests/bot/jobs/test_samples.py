"""What the bot makes for itself: after everybody, for nobody to hear of, once."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection

from bot.jobs.samples import Sample, SampleMaker
from bot.jobs.store import now
from bot.storage import jobs, retention
from bot.storage import samples as rows
from bot.storage.models import BOT, Job, State
from bot.storage.retention import RetentionLimits
from generator.contract.errors import Failure, FailureKind
from generator.contract.messages import Cancelled, Failed
from generator.contract.text import Text
from tests.bot.jobs.rig import JobRig
from tests.bot.jobs.samples import ABLE, REQUEST
from tests.patience import until

SAMPLES = [
    Sample(request=replace(REQUEST, prompt=f"a cat in look {number}"), model="nano")
    for number in range(4)
]


def maker(rig: JobRig) -> SampleMaker:
    return SampleMaker(rig.jobs, rig.store.transitions, rig.database, rig.blobs)


async def in_background(rig: JobRig, count: int) -> list[Job]:
    def there() -> list[Job]:
        return [job for job in rig.store if job.origin.is_background]

    await until(lambda: len(there()) == count, there)
    return there()


async def test_people_come_first_and_stop_what_is_made_for_nobody(rig: JobRig) -> None:
    samples = maker(rig)
    assert await samples.look_up(SAMPLES) == [None] * 4
    await in_background(rig, 2)  # and the others wait for these
    sample, generate = await rig.start_job()
    assert sample.user_id == BOT
    job = await rig.accept()
    assert rig.stopped == [(sample.id, 1)]
    other = await rig.accept()
    assert len(rig.stopped) == 1  # it was told so once
    assert [each.job.id for each in rig.jobs.waiting_or_running()] == [job.id, other.id]
    assert rig.jobs.unfinished == 2
    rig.jobs.job_ended(sample, Cancelled(sample.id, 1))
    await rig.until(sample, State.QUEUED)
    assert [(await rig.start_job())[0].id for _ in range(2)] == [job.id, other.id]
    waiting, generate = await rig.start_job()
    assert waiting.user_id == BOT
    rig.jobs.job_ended(waiting, rig.finished(generate))
    made = await rig.until(waiting, State.DONE)
    assert made.message_id is None
    assert rig.notifier.delivered == []
    await in_background(rig, 2)  # the third came in its place
    await rig.accept()  # what the bot makes for itself takes no room in the queue


async def test_a_worker_that_waits_makes_it_beside_people(rig: JobRig) -> None:
    samples = maker(rig)
    await samples.look_up(SAMPLES[:1])
    [job] = await in_background(rig, 1)
    await rig.start_job()
    idle = asyncio.create_task(rig.jobs.next_ticket(ABLE))
    await asyncio.sleep(0)
    await rig.accept()
    assert rig.stopped == []
    assert (await idle).user_id != BOT
    assert job.origin.is_background


async def test_a_sample_is_kept_until_it_is_forgotten(rig: JobRig) -> None:
    samples = maker(rig)
    await samples.look_up(SAMPLES[:1])
    await in_background(rig, 1)
    sample, generate = await rig.start_job()
    rig.jobs.job_ended(sample, rig.finished(generate))
    await rig.until(sample, State.DONE)
    limits = RetentionLimits(timedelta(seconds=-1), 0)
    for _ in range(2):
        await retention.clean_up(rig.database, rig.blobs, rig.scratch, limits, needed=1_000_000)
    [found] = await samples.look_up(SAMPLES[:1])
    assert found is not None
    assert found.output is not None
    assert rig.blobs.path(found.output).exists()
    assert [job.id for job in await samples.every()] == [sample.id]
    await samples.forget([SAMPLES[0].key])
    assert not rig.blobs.path(found.output).exists()
    assert await samples.every() == []


async def test_what_failed_for_good_is_not_tried_again(rig: JobRig) -> None:
    samples = maker(rig)
    await samples.look_up(SAMPLES[:2])
    await in_background(rig, 2)
    for may_pass in (False, True):
        sample, _ = await rig.start_job()
        failure = Failure(FailureKind.BAD_REQUEST, Text("No."), is_retryable=may_pass)
        rig.jobs.job_ended(sample, Failed(sample.id, 1, failure))
        await rig.until(sample, State.FAILED)
        await rig.database.write(_end_long_ago, sample.id)
    found = await samples.look_up(SAMPLES[:2])
    assert [job.state if job else None for job in found] == [State.FAILED, None]
    await in_background(rig, 1)
    assert rig.notifier.notified == []


def _end_long_ago(connection: Connection, job_id: str) -> None:
    jobs.note(connection, job_id, finished_at=now() - timedelta(days=1))


async def test_one_that_is_being_made_can_be_forgotten(rig: JobRig) -> None:
    samples = maker(rig)
    await samples.look_up(SAMPLES[:1])
    await in_background(rig, 1)
    sample, _ = await rig.start_job()
    await samples.forget([SAMPLES[0].key])
    assert rig.stopped == [(sample.id, 1)]
    assert await rig.database.read(rows.every) == []
    await rig.jobs.wait_until_idle()
