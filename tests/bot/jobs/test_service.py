"""A job's life, on a real database; only Discord is a list of what was brought."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.core.errors import NotAcceptedError, RefusedError, StorageError, WorkerDiedError
from bot.jobs.cost_history import CostHistory
from bot.storage import costs
from bot.storage import jobs as rows
from bot.storage.database import open_database
from bot.storage.disk_guard import DiskGuard
from bot.storage.models import Attachment, Job, State
from generator.contract.messages import Cancelled, Failed, Finished, Outcome, Progress
from generator.contract.text import Text
from tests.bot.jobs.rig import BotContext, Notebook
from tests.bot.jobs.samples import ORIGIN, REQUEST

KILLED = WorkerDiedError(-9)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[BotContext]:
    async with open_database(f"sqlite:///{tmp_path / 'test.db'}") as database:
        house = BotContext(database, tmp_path, Notebook())
        yield house
        await house.jobs.close()


async def test_the_row_is_written_before_anybody_is_answered(house: BotContext) -> None:
    async with house.jobs.accept(ORIGIN, REQUEST) as job:
        row = await house.row(job)
        assert (row.state, row.attempt, row.request, row.origin) == (
            State.QUEUED,
            0,
            REQUEST,
            ORIGIN,
        )
        waiting = asyncio.ensure_future(house.jobs.next_ticket())
        await asyncio.sleep(0.02)
        assert not waiting.done()  # it starts only once Discord has been answered
    assert (await waiting).job_id == job.id


async def test_an_answer_that_fails_loses_nothing(house: BotContext) -> None:
    with pytest.raises(ConnectionError):
        async with house.jobs.accept(ORIGIN, REQUEST):
            raise ConnectionError
    assert (await house.begin())[0].state is State.RUNNING


async def test_from_queued_to_done(house: BotContext) -> None:
    job = await house.accept()
    running, generate = await house.begin()
    assert (running.state, running.attempt) == (State.RUNNING, 1)
    house.jobs.ended(running, house.finished(generate))
    done = await house.until(job, State.DONE)
    assert house.notifier.delivered == [(job.id, "attempt 1", False)]
    assert (done.message_id, done.message_channel_id, done.told) == (11, 12, True)
    assert (done.seconds, done.size_bytes, done.origin.token) == (1.5, 9, "")
    assert house.jobs.status(job.id) is None


async def test_words_of_an_older_attempt_change_nothing(house: BotContext) -> None:
    job = await house.accept()
    first, old = await house.begin()
    house.jobs.crashed(first, KILLED)
    await house.until(job, State.QUEUED)
    second, new = await house.begin()
    assert second.attempt == 2
    assert old.output != new.output
    late: list[Outcome] = [
        house.finished(old),
        Failed(job.id, 1, Text("late")),
        Cancelled(job.id, 1),
    ]
    for outcome in late:
        house.jobs.ended(first, outcome)
    house.jobs.crashed(first, KILLED)
    house.jobs.progressed(Progress(job.id, 1, "denoise", 1, 3))
    row = await house.until(job, State.RUNNING)
    assert (row.attempt, row.crashes) == (2, 1)
    status = house.jobs.status(job.id)
    assert status is not None
    assert status.progress is None
    house.jobs.ended(second, house.finished(new))
    await house.until(job, State.DONE)
    house.jobs.ended(second, house.finished(new))
    await house.until(job, State.DONE)
    assert house.notifier.delivered == [(job.id, "attempt 2", False)]


async def test_a_job_that_kills_two_workers_is_failed(house: BotContext) -> None:
    job = await house.accept()
    for _ in range(2):
        running, _ = await house.begin()
        house.jobs.crashed(running, KILLED)
        await asyncio.sleep(0)
    failed = await house.until(job, State.FAILED)
    assert failed.error is not None
    assert "signal 9" in failed.error
    assert house.notifier.told == [("failed", failed.error)]


async def test_a_worker_that_is_stopped_with_the_bot_is_no_fault_of_its_job(
    house: BotContext,
) -> None:
    job = await house.accept()
    for _ in range(3):
        running, _ = await house.begin()
        house.jobs.refuse(Text("The bot is being restarted."))
        house.jobs.crashed(running, KILLED)
        assert (await house.until(job, State.QUEUED)).crashes == 0
        await house.restarted().recover()


async def test_cancelling_one_that_waits(house: BotContext) -> None:
    job = await house.accept()
    await house.jobs.cancel(job.id, by=ORIGIN.user_id)
    await house.until(job, State.CANCELLED)
    assert house.notifier.told == [("cancelled", None)]
    with pytest.raises(RefusedError, match="no longer waiting or running"):
        await house.jobs.cancel(job.id, by=ORIGIN.user_id)
    following = await house.accept()
    assert (await house.begin())[0].id == following.id


async def test_cancelling_one_that_runs(house: BotContext) -> None:
    job = await house.accept()
    running, generate = await house.begin()
    await house.jobs.cancel(job.id, by=ORIGIN.user_id)
    assert house.stopped == [(job.id, 1)]
    house.jobs.ended(running, house.finished(generate))  # it was too fast to be stopped
    row = await house.until(job, State.CANCELLED)
    assert (row.output, house.notifier.delivered) == (None, [])


async def test_cancelling_inside_the_answer(house: BotContext) -> None:
    async with house.jobs.accept(ORIGIN, REQUEST) as job:
        await house.jobs.cancel(job.id, by=ORIGIN.user_id)
    other = await house.accept()
    assert (await house.jobs.next_ticket()).job_id == other.id


@pytest.mark.parametrize(("by", "guild"), [(8, None), (8, 5)])
async def test_nobody_else_cancels(house: BotContext, by: int, guild: int | None) -> None:
    job = await house.accept()
    with pytest.raises(RefusedError, match="Only the person"):
        await house.jobs.cancel(job.id, by=by, manages_guild=guild)
    await house.jobs.cancel(job.id, by=8, manages_guild=ORIGIN.guild_id)


async def test_what_is_being_delivered_cannot_be_cancelled(house: BotContext) -> None:
    job = await house.accept()
    running, generate = await house.begin()
    house.notifier.holding.clear()
    house.jobs.ended(running, house.finished(generate))
    await house.row_in(job, State.DELIVERING)
    with pytest.raises(RefusedError, match="on its way"):
        await house.jobs.cancel(job.id, by=ORIGIN.user_id)
    house.notifier.holding.set()
    await house.until(job, State.DONE)


async def test_an_undeliverable_result_is_failed_and_told(house: BotContext) -> None:
    job = await house.accept()
    running, generate = await house.begin()
    house.notifier.refusing = "The channel is gone."
    house.jobs.ended(running, house.finished(generate))
    failed = await house.until(job, State.FAILED)
    assert (failed.error, failed.told) == ("The channel is gone.", True)


async def test_a_write_that_fails_accepts_nothing(house: BotContext) -> None:
    await house.database.write(lambda connection: _run(connection, "ALTER TABLE jobs RENAME TO j"))
    for _ in range(4):  # more than the quota holds: what isn't kept isn't counted
        with pytest.raises(StorageError, match="nothing was accepted"):
            await house.accept()
    await house.database.write(lambda connection: _run(connection, "ALTER TABLE j RENAME TO jobs"))
    await house.accept()


async def test_a_full_disk_accepts_nothing(house: BotContext, tmp_path: Path) -> None:
    house.room = DiskGuard(tmp_path, 2**63)
    house.restarted()
    with pytest.raises(NotAcceptedError, match="disk is full, so nothing was accepted"):
        await house.accept()


async def test_a_file_that_the_disk_did_not_take(house: BotContext) -> None:
    """The user hears of it, not of the directory that the bot keeps."""
    job = await house.accept()
    running, generate = await house.begin()
    house.jobs.ended(
        running, Failed(job.id, 1, Text("{path} can't be written.", path=generate.output))
    )
    failed = await house.until(job, State.FAILED)
    assert failed.error is not None
    assert "disk" in failed.error
    assert str(house.scratch) not in failed.error


async def test_a_master_that_vanished_before_it_was_kept(house: BotContext) -> None:
    job = await house.accept()
    running, generate = await house.begin()
    house.jobs.ended(running, Finished(job.id, 1, generate.output, 1.0, 9))  # which isn't there
    failed = await house.until(job, State.FAILED)
    assert "couldn't be saved on the bot's disk" in (failed.error or "")


async def test_attachments_are_rows_before_anybody_is_answered(house: BotContext) -> None:
    blob = house.blobs.put(b"frames", ".gif")
    attachment = Attachment(blob, "../../my control.gif", 6)
    async with house.jobs.accept(ORIGIN, REQUEST, [attachment]) as job:
        kept = await house.database.read(rows.attachments_of, job.id)
    assert kept == [attachment]


async def test_bad_luck_keeps_what_waits_and_refuses_the_rest(house: BotContext) -> None:
    job = await house.accept()
    for _ in range(3):  # said once
        house.jobs.workers_unavailable(Text("It dies."))
    status = house.jobs.status(job.id)
    assert status is not None
    assert "It dies." in str(status.trouble)
    with pytest.raises(NotAcceptedError, match="It dies"):
        await house.accept()
    await house.jobs.settled()
    assert house.notifier.alerts == ["No GIFs can be made at the moment. It dies."]
    house.jobs.recovered("cpu")
    await house.accept()
    assert (await house.begin())[0].id == job.id


async def test_the_time_left_is_learnt_and_kept(house: BotContext) -> None:
    jobs = [await house.accept() for _ in range(3)]
    first, generate = await house.begin()
    status = house.jobs.status(jobs[1].id)
    assert status is not None
    assert status.seconds_left is None  # nothing is known yet
    house.jobs.ended(first, house.finished(generate, seconds=10.0))
    await house.until(jobs[0], State.DONE)
    for place, job in enumerate(jobs[1:], start=1):
        status = house.jobs.status(job.id)
        assert status is not None
        assert status.seconds_left == pytest.approx(10.0 * place, rel=0.05)
    learnt = await house.database.read(costs.learnt, "nano")
    assert list(learnt) == ["cpu"]


async def test_a_broken_model_fails_what_waits_and_refuses_the_rest(house: BotContext) -> None:
    job = await house.accept()
    house.jobs.workers_failed(Text("The disk is empty."))
    failed = await house.until(job, State.FAILED)
    assert failed.error is not None
    assert "The disk is empty." in failed.error
    with pytest.raises(NotAcceptedError, match=r"The disk is empty\."):
        await house.accept()
    house.jobs.recovered("cpu")
    await house.accept()


async def test_a_start_takes_up_everything(house: BotContext) -> None:
    jobs = [await house.accept() for _ in range(3)]
    await _set(house, jobs[0], State.RUNNING)
    await _set(house, jobs[1], State.DELIVERING, output=house.blobs.put(b"made", ".gif"))
    service = house.restarted()
    await service.recover()
    await house.until(jobs[1], State.DONE)
    assert house.notifier.delivered == [(jobs[1].id, "made", True)]
    assert [(await house.begin())[0].id for _ in range(2)] == [jobs[0].id, jobs[2].id]
    assert (await house.row(jobs[0])).attempt == 2


async def test_a_result_whose_file_is_gone_is_made_again(house: BotContext) -> None:
    job = await house.accept()
    await _set(house, job, State.DELIVERING, output=f"{0:064}.gif")
    await house.restarted().recover()
    running, generate = await house.begin()
    assert running.attempt == 2
    house.jobs.ended(running, house.finished(generate))
    await house.until(job, State.DONE)


async def test_who_was_not_told_is_told_at_the_next_start(house: BotContext) -> None:
    job = await house.accept()
    await _set(house, job, State.FAILED, error="Out of luck.")
    await house.restarted().recover()
    await house.until(job, State.FAILED)
    assert house.notifier.told == [("failed", "Out of luck.")]
    house.notifier.told.clear()
    await house.restarted().recover()
    assert house.notifier.told == []


async def test_a_shutdown_puts_the_running_job_back(house: BotContext) -> None:
    job = await house.accept()
    running, _ = await house.begin()
    await house.jobs.interrupted(running)
    row = await house.row(job)
    assert (row.state, row.attempt, row.crashes) == (State.QUEUED, 1, 0)


async def test_the_answer_is_remembered(house: BotContext) -> None:
    job, other = await house.accept(), await house.accept()
    house.jobs.note_answer(job.id, 98)
    running, _ = await house.begin()
    assert running.answer_id == (await house.row(job)).answer_id == 98
    house.jobs.note_answer(other.id, 99)
    await house.jobs.save_answer(other.id)
    assert (await house.row(other)).answer_id == 99
    assert (await house.begin())[0].answer_id == 99


async def test_who_waits_knows_how_many_are_ahead(house: BotContext) -> None:
    jobs = [await house.accept() for _ in range(3)]
    await house.begin()
    statuses = house.jobs.waiting_or_running()
    assert [status.job.id for status in statuses] == [job.id for job in jobs]
    assert [status.ahead for status in statuses] == [None, 1, 2]
    assert house.jobs.waiting_or_running(user_id=99) == []


async def _set(house: BotContext, job: Job, state: State, **values: object) -> Job:
    """The row as an earlier run may have left it."""
    attempt = job.attempt + 1
    moved = await house.database.write(rows.move, job, state, attempt=attempt, **values)
    assert moved is not None
    return moved


def _run(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))


async def test_a_model_that_loads_is_said_and_its_time_is_learnt(house: BotContext) -> None:
    house.jobs.loading("cpu")
    job = await house.accept()
    status = house.jobs.status(job.id)
    assert status is not None
    assert (status.is_loading, status.loading_seconds_left) == (True, None)
    house.jobs.recovered("cpu")
    await house.jobs.settled()
    status = house.jobs.status(job.id)
    assert status is not None
    assert not status.is_loading
    cost_history = await CostHistory.load(house.database, "nano")
    assert cost_history.loading_seconds("cpu") is not None
    assert cost_history.costs.seconds(REQUEST) is None  # no job of this model was made yet
    house.jobs.loading("cpu")
    status = house.jobs.status(job.id)
    assert status is not None
    assert status.loading_seconds_left is not None


async def test_one_worker_that_is_ready_is_enough(house: BotContext) -> None:
    house.jobs.loading("cuda:0")
    house.jobs.loading("cuda:1")
    house.jobs.recovered("cuda:1")
    job = await house.accept()
    status = house.jobs.status(job.id)
    assert status is not None
    assert not status.is_loading
