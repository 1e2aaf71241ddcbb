"""A job's life, on a real database; only Discord is a list of what was brought."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bot.core.errors import (
    HostLostError,
    NotAcceptedError,
    RefusedError,
    StorageError,
    WorkerDiedError,
)
from bot.jobs.outcomes import JobOutcome, MadeFile
from bot.storage import costs
from bot.storage import jobs as rows
from bot.storage.disk_guard import DiskGuard
from bot.storage.models import Attachment, Job, State
from generator.contract.errors import Failure, FailureKind, OutputError
from generator.contract.messages import Cancelled, Failed, Progress
from generator.contract.text import Text
from tests.bot.jobs.rig import JobRig
from tests.bot.jobs.samples import ABLE, ORIGIN, REQUEST

KILLED = WorkerDiedError(-9)


def failure(words: str, kind: FailureKind = FailureKind.INTERNAL) -> Failure:
    return Failure(kind, Text(words))


async def test_the_row_is_written_before_anybody_is_answered(rig: JobRig) -> None:
    async with rig.accepting(ORIGIN, REQUEST) as job:
        row = await rig.row(job)
        assert (row.state, row.attempt, row.request, row.origin) == (
            State.QUEUED,
            0,
            REQUEST,
            ORIGIN,
        )
        waiting = asyncio.ensure_future(rig.jobs.next_ticket(ABLE))
        await asyncio.sleep(0.02)
        assert not waiting.done()  # it starts only once Discord has been answered
    assert (await waiting).job_id == job.id


async def test_an_answer_that_fails_loses_nothing(rig: JobRig) -> None:
    with pytest.raises(ConnectionError):
        async with rig.accepting(ORIGIN, REQUEST):
            raise ConnectionError
    assert (await rig.start_job())[0].state is State.RUNNING


async def test_from_queued_to_done(rig: JobRig) -> None:
    job = await rig.accept()
    running, generate = await rig.start_job()
    assert (running.state, running.attempt) == (State.RUNNING, 1)
    rig.jobs.job_ended(running, rig.finished(generate))
    done = await rig.until(job, State.DONE)
    assert rig.notifier.delivered == [(job.id, "attempt 1", False)]
    assert (done.message_id, done.message_channel_id, done.owner_notified) == (11, 12, True)
    assert (done.seconds, done.size_bytes, done.origin.token) == (1.5, 9, "")
    assert rig.jobs.status(job.id) is None


async def test_words_of_an_older_attempt_change_nothing(rig: JobRig) -> None:
    job = await rig.accept()
    first, old = await rig.start_job()
    rig.jobs.worker_died(first, KILLED)
    await rig.until(job, State.QUEUED)
    second, new = await rig.start_job()
    assert second.attempt == 2
    assert old.output_name != new.output_name
    late: list[JobOutcome] = [
        rig.finished(old),
        Failed(job.id, 1, failure("late")),
        Cancelled(job.id, 1),
    ]
    for outcome in late:
        rig.jobs.job_ended(first, outcome)
    rig.jobs.worker_died(first, KILLED)
    rig.jobs.job_progressed(Progress(job.id, 1, "denoise", 1, 3))
    row = await rig.until(job, State.RUNNING)
    assert (row.attempt, row.crashes) == (2, 1)
    status = rig.jobs.status(job.id)
    assert status is not None
    assert status.progress is None
    rig.jobs.job_ended(second, rig.finished(new))
    await rig.until(job, State.DONE)
    rig.jobs.job_ended(second, rig.finished(new))
    await rig.until(job, State.DONE)
    assert rig.notifier.delivered == [(job.id, "attempt 2", False)]


async def test_a_job_that_kills_two_workers_is_failed(rig: JobRig) -> None:
    job = await rig.accept()
    for _ in range(2):
        running, _ = await rig.start_job()
        rig.jobs.worker_died(running, KILLED)
        await asyncio.sleep(0)
    failed = await rig.until(job, State.FAILED)
    assert failed.error is not None
    assert "signal 9" in failed.error
    assert (failed.failure_kind, failed.failure_is_retryable) == (FailureKind.WORKER_DIED, True)
    assert rig.notifier.notified == [("failed", failed.error)]


async def test_a_lost_host_is_no_fault_of_its_job(rig: JobRig) -> None:
    job = await rig.accept()
    for _ in range(3):
        running, _ = await rig.start_job()
        rig.jobs.worker_died(running, HostLostError("gpu1"))
        assert (await rig.until(job, State.QUEUED)).crashes == 0
    running, generate = await rig.start_job()
    rig.jobs.job_ended(running, rig.finished(generate))
    assert (await rig.until(job, State.DONE)).attempt == 4


async def test_a_worker_that_died_of_another_job_is_no_fault_of_the_one_behind(rig: JobRig) -> None:
    job = await rig.accept()
    for _ in range(3):
        running, _ = await rig.start_job()
        rig.jobs.worker_died(running, KILLED, is_suspect=False)
        assert (await rig.until(job, State.QUEUED)).crashes == 0


async def test_a_worker_that_is_stopped_with_the_bot_is_no_fault_of_its_job(
    rig: JobRig,
) -> None:
    job = await rig.accept()
    for _ in range(3):
        running, _ = await rig.start_job()
        rig.jobs.stop_accepting(Text("The bot is being restarted."))
        rig.jobs.worker_died(running, KILLED)
        assert (await rig.until(job, State.QUEUED)).crashes == 0
        await rig.restarted().recover()


async def test_cancelling_one_that_waits(rig: JobRig) -> None:
    job = await rig.accept()
    await rig.jobs.cancel(job.id, by=ORIGIN.user_id)
    await rig.until(job, State.CANCELLED)
    assert rig.notifier.notified == [("cancelled", None)]
    with pytest.raises(RefusedError, match="no longer waiting or running"):
        await rig.jobs.cancel(job.id, by=ORIGIN.user_id)
    following = await rig.accept()
    assert (await rig.start_job())[0].id == following.id


async def test_cancelling_one_that_runs(rig: JobRig) -> None:
    job = await rig.accept()
    running, generate = await rig.start_job()
    await rig.jobs.cancel(job.id, by=ORIGIN.user_id)
    assert rig.stopped == [(job.id, 1)]
    rig.jobs.job_ended(running, rig.finished(generate))  # it was too fast to be stopped
    row = await rig.until(job, State.CANCELLED)
    assert (row.output, rig.notifier.delivered) == (None, [])


async def test_cancelling_inside_the_answer(rig: JobRig) -> None:
    async with rig.accepting(ORIGIN, REQUEST) as job:
        await rig.jobs.cancel(job.id, by=ORIGIN.user_id)
    other = await rig.accept()
    assert (await rig.jobs.next_ticket(ABLE)).job_id == other.id


@pytest.mark.parametrize(("by", "guild"), [(8, None), (8, 5)])
async def test_nobody_else_cancels(rig: JobRig, by: int, guild: int | None) -> None:
    job = await rig.accept()
    with pytest.raises(RefusedError, match="Only the person"):
        await rig.jobs.cancel(job.id, by=by, manages_guild=guild)
    await rig.jobs.cancel(job.id, by=8, manages_guild=ORIGIN.guild_id)


async def test_what_is_being_delivered_cannot_be_cancelled(rig: JobRig) -> None:
    job = await rig.accept()
    running, generate = await rig.start_job()
    rig.notifier.holding.clear()
    rig.jobs.job_ended(running, rig.finished(generate))
    await rig.row_in(job, State.DELIVERING)
    with pytest.raises(RefusedError, match="on its way"):
        await rig.jobs.cancel(job.id, by=ORIGIN.user_id)
    rig.notifier.holding.set()
    await rig.until(job, State.DONE)


async def test_an_undeliverable_result_is_failed_and_told(rig: JobRig) -> None:
    job = await rig.accept()
    running, generate = await rig.start_job()
    rig.notifier.refusing = "The channel is gone."
    rig.jobs.job_ended(running, rig.finished(generate))
    failed = await rig.until(job, State.FAILED)
    assert (failed.error, failed.owner_notified) == ("The channel is gone.", True)
    assert (failed.failure_kind, failed.failure_is_retryable) == (FailureKind.UNDELIVERABLE, False)


async def test_a_write_that_fails_accepts_nothing(rig: JobRig) -> None:
    await rig.database.write(lambda connection: _run(connection, "ALTER TABLE jobs RENAME TO j"))
    for _ in range(4):  # more than the quota holds: what isn't kept isn't counted
        with pytest.raises(StorageError, match="nothing was accepted"):
            await rig.accept()
    await rig.database.write(lambda connection: _run(connection, "ALTER TABLE j RENAME TO jobs"))
    await rig.accept()


async def test_a_full_disk_accepts_nothing(rig: JobRig, tmp_path: Path) -> None:
    rig.disk_guard = DiskGuard(tmp_path, 2**63)
    rig.restarted()
    with pytest.raises(NotAcceptedError, match="disk is full, so nothing was accepted"):
        await rig.accept()


async def test_a_file_that_the_disk_did_not_take(rig: JobRig) -> None:
    """The user hears of it, not of the directory that the bot keeps."""
    job = await rig.accept()
    running, generate = await rig.start_job()
    output = str(rig.scratch / generate.output_name)
    error = OutputError("{path} can't be written.", path=output)
    rig.jobs.job_ended(running, Failed(job.id, 1, Failure.of(error)))
    failed = await rig.until(job, State.FAILED)
    assert (failed.failure_kind, failed.failure_is_retryable) == (FailureKind.DISK, True)
    assert failed.error is not None
    assert "disk" in failed.error
    assert str(rig.scratch) not in failed.error


async def test_a_result_that_vanished_before_it_was_kept(rig: JobRig) -> None:
    job = await rig.accept()
    running, generate = await rig.start_job()
    missing = rig.scratch / generate.output_name
    rig.jobs.job_ended(running, MadeFile(job.id, 1, missing, 1.0, 9))
    failed = await rig.until(job, State.FAILED)
    assert "couldn't be saved on the bot's disk" in (failed.error or "")
    assert failed.failure_kind is FailureKind.DISK


async def test_attachments_are_rows_before_anybody_is_answered(rig: JobRig) -> None:
    blob = rig.blobs.put(b"frames", ".gif")
    attachment = Attachment(blob, "../../my control.gif", 6)
    async with rig.accepting(ORIGIN, REQUEST, [attachment]) as job:
        kept = await rig.database.read(rows.attachments_of, job.id)
    assert kept == [attachment]


async def test_bad_luck_keeps_what_waits_and_refuses_the_rest(rig: JobRig) -> None:
    job = await rig.accept()
    for _ in range(3):  # said once
        rig.jobs.all_workers_unavailable(failure("It dies."))
    status = rig.jobs.status(job.id)
    assert status is not None
    assert "It dies." in str(status.unavailable_reason)
    with pytest.raises(NotAcceptedError, match="It dies"):
        await rig.accept()
    await rig.jobs.wait_until_idle()
    assert rig.notifier.alerts == ["No GIFs can be made at the moment. It dies."]
    rig.jobs.worker_ready("cpu", ABLE)
    await rig.accept()
    assert (await rig.start_job())[0].id == job.id


async def test_the_time_left_is_learnt_and_kept(rig: JobRig) -> None:
    jobs = [await rig.accept() for _ in range(3)]
    first, generate = await rig.start_job()
    status = rig.jobs.status(jobs[1].id)
    assert status is not None
    assert status.seconds_left is None  # nothing is known yet
    rig.jobs.job_ended(first, rig.finished(generate, seconds=1000.0))
    await rig.until(jobs[0], State.DONE)
    # what posting it took comes on top, which is long on a machine that is busy
    for place, job in enumerate(jobs[1:], start=1):
        status = rig.jobs.status(job.id)
        assert status is not None
        assert status.seconds_left == pytest.approx(1000.0 * place, rel=0.05)
    learnt = await rig.database.read(costs.load, "nano")
    assert list(learnt) == ["cpu"]


async def test_a_broken_model_fails_what_waits_and_refuses_the_rest(rig: JobRig) -> None:
    job = await rig.accept()
    rig.jobs.all_workers_failed(failure("The disk is empty.", FailureKind.MODEL))
    failed = await rig.until(job, State.FAILED)
    assert failed.error is not None
    assert "The disk is empty." in failed.error
    assert (failed.failure_kind, failed.failure_is_retryable) == (FailureKind.MODEL, True)
    with pytest.raises(NotAcceptedError, match=r"The disk is empty\."):
        await rig.accept()
    rig.jobs.worker_ready("cpu", ABLE)
    await rig.accept()


async def test_a_start_takes_up_everything(rig: JobRig) -> None:
    jobs = [await rig.accept() for _ in range(3)]
    await _set(rig, jobs[0], State.RUNNING)
    await _set(rig, jobs[1], State.DELIVERING, output=rig.blobs.put(b"made", ".gif"))
    service = rig.restarted()
    await service.recover()
    await rig.until(jobs[1], State.DONE)
    assert rig.notifier.delivered == [(jobs[1].id, "made", True)]
    assert [(await rig.start_job())[0].id for _ in range(2)] == [jobs[0].id, jobs[2].id]
    assert (await rig.row(jobs[0])).attempt == 2


async def test_a_result_whose_file_is_gone_is_made_again(rig: JobRig) -> None:
    job = await rig.accept()
    await _set(rig, job, State.DELIVERING, output=f"{0:064}.gif")
    await rig.restarted().recover()
    running, generate = await rig.start_job()
    assert running.attempt == 2
    rig.jobs.job_ended(running, rig.finished(generate))
    await rig.until(job, State.DONE)


async def test_who_was_not_told_is_told_at_the_next_start(rig: JobRig) -> None:
    job = await rig.accept()
    await _set(rig, job, State.FAILED, error="Out of luck.")
    await rig.restarted().recover()
    await rig.until(job, State.FAILED)
    assert rig.notifier.notified == [("failed", "Out of luck.")]
    rig.notifier.notified.clear()
    await rig.restarted().recover()
    assert rig.notifier.notified == []


async def test_a_shutdown_puts_the_running_job_back(rig: JobRig) -> None:
    job = await rig.accept()
    running, _ = await rig.start_job()
    await rig.jobs.job_interrupted(running)
    row = await rig.row(job)
    assert (row.state, row.attempt, row.crashes) == (State.QUEUED, 1, 0)


async def test_the_answer_is_remembered(rig: JobRig) -> None:
    job, other = await rig.accept(), await rig.accept()
    rig.jobs.note_answer(job.id, 98)
    running, _ = await rig.start_job()
    assert running.answer_id == (await rig.row(job)).answer_id == 98
    rig.jobs.note_answer(other.id, 99)
    await rig.jobs.save_answer(other.id)
    assert (await rig.row(other)).answer_id == 99
    assert (await rig.start_job())[0].answer_id == 99


async def test_who_waits_knows_how_many_are_ahead(rig: JobRig) -> None:
    jobs = [await rig.accept() for _ in range(3)]
    await rig.start_job()
    statuses = rig.jobs.waiting_or_running()
    assert [status.job.id for status in statuses] == [job.id for job in jobs]
    assert [status.ahead for status in statuses] == [None, 1, 2]
    assert rig.jobs.waiting_or_running(user_id=99) == []


async def test_the_jobs_of_one_message_are_those_that_arent_over(rig: JobRig) -> None:
    mine, other = (replace(ORIGIN, group_id=name * 32) for name in "ab")
    jobs = [await rig.accept(origin) for origin in (mine, other, mine)]
    await rig.start_job()  # another state, and the same place
    assert {job.id for job in rig.jobs.unfinished_in("a" * 32)} == {jobs[0].id, jobs[2].id}
    for job in jobs:
        await rig.jobs.cancel(job.id, by=ORIGIN.user_id)
    assert rig.jobs.unfinished_in("a" * 32) == rig.jobs.unfinished_in("b" * 32) == []


async def _set(rig: JobRig, job: Job, state: State, **values: object) -> Job:
    """The row as an earlier run may have left it."""
    attempt = job.attempt + 1
    moved = await rig.database.write(rows.move, job, state, attempt=attempt, **values)
    assert moved is not None
    return moved


def _run(connection: Connection, statement: str) -> None:
    connection.execute(text(statement))
