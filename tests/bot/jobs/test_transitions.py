"""Every change of a job's state is told once, in order, to each who subscribed in this process."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.core.errors import StorageError, WorkerDiedError
from bot.jobs.gate import Admission
from bot.jobs.store import now
from bot.jobs.transitions import Transition
from bot.storage import jobs as rows
from bot.storage.database import Database, open_database
from bot.storage.models import Job, State
from generator.contract.errors import Failure, FailureKind
from generator.contract.messages import Failed
from generator.contract.text import Text
from tests.bot.jobs.rig import JobRig, RecordingNotifier
from tests.bot.jobs.samples import ABLE, ORIGIN, REQUEST


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[JobRig]:
    async with open_database(f"sqlite:///{tmp_path / 'test.db'}") as database:
        rig = JobRig(database, tmp_path, RecordingNotifier())
        yield rig
        await rig.jobs.close()


def steps(told: list[Transition]) -> list[tuple[State | None, State, int]]:
    return [
        (each.before.state if each.before else None, each.after.state, each.after.attempt)
        for each in told
    ]


async def test_the_life_of_a_job(rig: JobRig, tmp_path: Path) -> None:
    """Each step is told once its row says so."""
    told: list[Transition] = []
    in_row: list[tuple[str, int]] = []  # when it was told
    began = datetime.now(UTC)

    def hear(transition: Transition) -> None:
        told.append(transition)
        with sqlite3.connect(tmp_path / "test.db") as connection:
            in_row.extend(connection.execute("SELECT state, attempt FROM jobs"))

    rig.store.transitions.subscribe(hear)
    job = await rig.accept()
    running, _ = await rig.start_job()
    rig.jobs.worker_died(running, WorkerDiedError(-9))
    await rig.until(job, State.QUEUED)
    running, generate = await rig.start_job()
    rig.jobs.job_ended(running, rig.finished(generate))
    await rig.until(job, State.DONE)
    assert steps(told) == [
        (None, State.QUEUED, 0),
        (State.QUEUED, State.RUNNING, 1),
        (State.RUNNING, State.QUEUED, 1),
        (State.QUEUED, State.RUNNING, 2),
        (State.RUNNING, State.DELIVERING, 2),
        (State.DELIVERING, State.DONE, 2),
    ]
    written = [(each.after.state.value, each.after.attempt) for each in told]
    assert all(written.index(row) >= place for place, row in enumerate(in_row))
    times = [each.at for each in told]
    assert [began, *times] == sorted([began, *times])
    assert not any(each.is_recovered for each in told)


async def test_who_speaks_too_late_is_told_of_nothing(rig: JobRig) -> None:
    job = await rig.accept()
    running, generate = await rig.start_job()
    told: list[Transition] = []
    rig.store.transitions.subscribe(told.append)
    await rig.jobs.cancel(job.id, by=ORIGIN.user_id)
    rig.jobs.job_ended(running, rig.finished(generate))
    rig.jobs.job_ended(running, rig.finished(generate))
    await rig.until(job, State.CANCELLED)
    assert steps(told) == [(State.RUNNING, State.CANCELLED, 1)]


async def test_one_that_fails_harms_nobody(rig: JobRig, caplog: pytest.LogCaptureFixture) -> None:
    def fail(transition: Transition) -> None:
        raise RuntimeError(transition.after.id)

    told: list[Transition] = []
    rig.store.transitions.subscribe(fail)
    rig.store.transitions.subscribe(told.append)
    job = await rig.accept()
    running, generate = await rig.start_job()
    rig.jobs.job_ended(running, rig.finished(generate))
    await rig.until(job, State.DONE)
    assert [each.after.state for each in told] == ["queued", "running", "delivering", "done"]
    assert caplog.text.count("a subscriber to job transitions failed") == len(told)


async def test_whoever_writes_waits_for_nobody(rig: JobRig) -> None:
    job = await rig.accept()
    told: list[Transition] = []
    rig.store.transitions.subscribe(told.append)
    rig.store.transitions.publish(transition := Transition(None, job, now()))
    assert told == []
    await asyncio.sleep(0)
    assert told == [transition]


async def test_the_next_start_tells_what_it_takes_up(rig: JobRig) -> None:
    first, second, third = [await rig.accept() for _ in range(3)]
    running, _ = await rig.start_job()
    await rig.jobs.cancel(third.id, by=ORIGIN.user_id)
    jobs = await rig.killed()
    told: list[Transition] = []
    rig.store.transitions.subscribe(told.append)
    await jobs.recover()
    await rig.until(first, State.QUEUED)
    taken_up = [each for each in told if each.is_recovered]
    assert [each.after.id for each in taken_up] == [first.id, second.id]
    assert steps(taken_up) == [(None, State.RUNNING, 1), (None, State.QUEUED, 0)]
    after = [each for each in told if not each.is_recovered]
    assert steps(after) == [(State.RUNNING, State.QUEUED, running.attempt)]


async def test_a_writer_that_is_cut_off_leaves_nothing_untold(rig: JobRig) -> None:
    """The row is written all the same, so the memory follows and everybody hears of it."""
    told: list[Transition] = []
    rig.store.transitions.subscribe(told.append)
    adding = asyncio.create_task(rig.store.add(ORIGIN, REQUEST, "nano", admission=Admission()))
    await asyncio.sleep(0)
    adding.cancel()
    await rig.store.wait_until_written()
    [job] = rig.store
    moving = asyncio.create_task(rig.store.move(job, State.RUNNING, attempt=1, started_at=now()))
    await asyncio.sleep(0)
    moving.cancel()
    await asyncio.gather(adding, moving, return_exceptions=True)
    await rig.store.wait_until_written()
    await asyncio.sleep(0)
    assert adding.cancelled()
    assert moving.cancelled()
    assert steps(told) == [(None, State.QUEUED, 0), (State.QUEUED, State.RUNNING, 1)]
    assert (await rig.row(job)).state is State.RUNNING
    known = rig.store.get(job.id)
    assert known is not None
    assert known.state is State.RUNNING


class ForgetsToAnswer(Database):
    """A database whose next change of a state gets through, but seems to fail."""

    is_due = False

    async def write(self, query: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        result = await super().write(query, *args, **kwargs)
        if self.is_due and query is rows.move:
            self.is_due = False
            raise StorageError("The connection was lost.")
        return result


@pytest.fixture
async def forgetful(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[ForgetsToAnswer, JobRig]]:
    monkeypatch.setattr("bot.storage.database.Database", ForgetsToAnswer)
    for module in ("store", "service"):
        monkeypatch.setattr(f"bot.jobs.{module}.RETRY_SECONDS", 0.01)
    async with open_database(f"sqlite:///{tmp_path / 'test.db'}") as database:
        assert isinstance(database, ForgetsToAnswer)
        rig = JobRig(database, tmp_path, RecordingNotifier())
        yield database, rig
        await rig.jobs.close()


async def test_a_write_that_seemed_to_fail_is_told_once_and_its_job_goes_on(
    forgetful: tuple[ForgetsToAnswer, JobRig],
) -> None:
    """Whichever write it is: one that goes back waits again, one that starts is made, …"""
    database, rig = forgetful
    told: list[Transition] = []
    rig.store.transitions.subscribe(told.append)
    job = await rig.accept()
    database.is_due = True
    assert await rig.jobs.start_job(await rig.jobs.next_ticket(ABLE), "cpu") is None
    running, _ = await rig.start_job()
    database.is_due = True
    rig.jobs.worker_died(running, WorkerDiedError(-9))
    await rig.jobs.wait_until_idle()
    running, generate = await rig.start_job()
    database.is_due = True
    rig.jobs.job_ended(running, rig.finished(generate))
    assert (await rig.until(job, State.DONE)).attempt == 2
    assert steps(told) == [
        (None, State.QUEUED, 0),
        (State.QUEUED, State.RUNNING, 1),
        (State.RUNNING, State.QUEUED, 1),
        (State.QUEUED, State.RUNNING, 2),
        (State.RUNNING, State.DELIVERING, 2),
        (State.DELIVERING, State.DONE, 2),
    ]
    assert not database.is_due


async def test_a_failure_that_seemed_unwritten_is_known_to_its_owner(
    forgetful: tuple[ForgetsToAnswer, JobRig],
) -> None:
    database, rig = forgetful
    job = await rig.accept()
    running, generate = await rig.start_job()
    database.is_due = True
    failure = Failure(FailureKind.MODEL, Text("There is no such model."))
    rig.jobs.job_ended(running, Failed(generate.job_id, generate.attempt, failure))
    await rig.jobs.wait_until_idle()
    assert (await rig.row(job)).owner_notified
    assert len(rig.store) == 0


def is_told_in_order(told: list[Transition], job: Job) -> bool:
    """Return whether each step begins where the one before it ended."""
    own = [each for each in told if each.after.id == job.id]
    return all(
        later.before is not None and later.before.state is earlier.after.state
        for earlier, later in itertools.pairwise(own)
    )


async def test_many_at_once_are_told_in_order(rig: JobRig) -> None:
    rig.size = 50
    rig.restarted()
    told: list[Transition] = []
    rig.store.transitions.subscribe(told.append)
    jobs = await asyncio.gather(*(rig.accept() for _ in range(20)))

    async def live(number: int) -> None:
        running, generate = await rig.start_job()
        if number % 3 == 0:
            await rig.jobs.cancel(running.id, by=ORIGIN.user_id)
        rig.jobs.job_ended(running, rig.finished(generate))

    await asyncio.gather(*(live(number) for number in range(20)))
    await rig.jobs.wait_until_idle()
    assert all(is_told_in_order(told, job) for job in jobs)
    ends = [each.after.state for each in told if each.after.state.is_final]
    assert (ends.count(State.CANCELLED), ends.count(State.DONE)) == (7, 13)
