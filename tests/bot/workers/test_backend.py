"""What a second kind of worker needs beyond a process: files by hash, two jobs, a lost host."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.jobs.outcomes import MadeFile
from bot.storage.database import open_database
from bot.storage.models import State
from bot.workers.local import LocalBackend
from bot.workers.pool import Pool, run_pool
from generator.contract import wire
from generator.contract.errors import FailureKind
from generator.contract.messages import (
    MAX_AHEAD,
    Cancelled,
    Capabilities,
    Lora,
    Progress,
    SlotFreed,
    Started,
)
from generator.contract.worker_settings import WorkerSettings
from tests.bot.jobs.rig import JobRig, RecordingNotifier
from tests.bot.jobs.samples import ORIGIN, REQUEST
from tests.bot.workers.far import FarBackend, FarConnection
from tests.bot.workers.test_pool import RecordingWork, far, pool_of
from tests.patience import until


def far_settings(engine: str, device: str = "cpu") -> WorkerSettings:
    return WorkerSettings(engine=f"far.{engine}:create", device=device)


async def at_work(backend: FarBackend, job_id: str) -> FarConnection:
    """Wait until the first worker has begun a job; return its connection."""
    started = Started(job_id, 1)
    await until(lambda: backend.connections and started in backend.connections[0].said)
    return backend.connections[0]


@asynccontextmanager
async def serving(
    directory: Path, *engines: str, limits: dict[str, Capabilities] | None = None
) -> AsyncIterator[tuple[JobRig, FarBackend]]:
    """A job service whose workers are far away, one a device."""
    async with open_database(f"sqlite:///{directory / 'test.db'}") as database:
        rig = JobRig(database, directory, RecordingNotifier())
        host = directory / "host"
        host.mkdir()
        backend = FarBackend(files=directory / "blobs", host=host, here=rig.scratch)
        backend.capabilities |= limits or {}
        settings = [far_settings(name, f"cpu:{n}") for n, name in enumerate(engines)]
        async with run_pool(Pool(settings, rig.jobs, backend)):
            yield rig, backend
        await rig.jobs.close()


async def test_files_are_brought_to_a_worker_and_its_result_back(tmp_path: Path) -> None:
    async with serving(tmp_path, "fast") as (rig, backend):
        blob = rig.blobs.put(b"weights", ".safetensors")
        request = replace(REQUEST, loras=(Lora(blob), Lora("somebody/ink")), image=blob)
        async with rig.accepting(request=request) as job:
            pass
        done = await rig.until(job, State.DONE)
        assert rig.notifier.delivered == [(job.id, "x", False)]
        assert (backend.host / blob[:2] / blob).read_bytes() == b"weights"
        assert done.output is not None
        assert rig.blobs.path(done.output).read_text() == "x"


async def test_a_lost_host_fails_no_job(tmp_path: Path) -> None:
    async with serving(tmp_path, "slow") as (rig, backend):
        request = replace(REQUEST, steps=30)
        async with rig.accepting(request=request) as job:
            pass
        for lost in range(1, 4):
            await rig.row_in(job, State.RUNNING)
            await until(lambda lost=lost: _is_at_work(rig, job.id, lost))  # type: ignore[misc]
            backend.connections[-1].lose_host()
        done = await rig.until(job, State.DONE)
    assert (done.attempt, done.crashes) == (4, 0)


def _is_at_work(rig: JobRig, job_id: str, attempt: int) -> bool:
    status = rig.jobs.status(job_id)
    progress = status.progress if status else None
    return progress is not None and progress.attempt == attempt


async def test_hosts_that_cannot_be_reached_are_waited_for(tmp_path: Path) -> None:
    """However long that takes: nothing that waits is failed, and nobody says that it crashes."""
    work = RecordingWork(tmp_path)
    backend = far(work)
    async with pool_of(work, "hangs_in_setup", backend=lambda _: backend):
        await until(lambda: backend.connections)
        backend.connections[-1].lose_host()
        await work.until(lambda: work.all_unavailable)
    assert work.all_unavailable[0].kind is FailureKind.LOST_HOST
    assert str(work.all_unavailable[0]) == "The worker on cpu:0 can't be reached."
    assert work.all_failed == []


async def test_the_next_job_is_computed_while_the_last_one_is_written(tmp_path: Path) -> None:
    work = RecordingWork(tmp_path)
    work.add("a", "b", "c")
    async with pool_of(work, "writes_long", backend=far) as pool:
        await work.until(lambda: len(work.handed_out) == 3)
        assert work.outcomes == []
        assert [report.state for report in pool.reports()] == ["busy"]
        await pool.drain()  # which waits for what is being written as well
        assert [outcome.job_id for _, outcome in work.outcomes] == ["a", "b", "c"]
        assert all(isinstance(outcome, MadeFile) for _, outcome in work.outcomes)


async def test_a_death_is_no_fault_of_the_job_behind(tmp_path: Path) -> None:
    """Of two in a worker's hands: both are made again, one of them is blamed."""
    work, started = RecordingWork(tmp_path), Started("a", 1)
    backend = far(work)
    async with pool_of(work, "hangs", backend=lambda _: backend):
        work.add("a", "b")
        await until(lambda: backend.connections and started in backend.connections[0].said)
        assert len(work.handed_out) == 1
        backend.connections[0].say(SlotFreed("a", 1))  # though it isn't through
        await work.until(lambda: len(work.handed_out) == 2)
        backend.connections[0].lose_process()
        await work.until(lambda: len(work.deaths) == 2)
    assert dict(work.suspects) == {"a": True, "b": False}


async def test_a_worker_is_given_as_many_as_it_has_room_for(tmp_path: Path) -> None:
    """And those that it was never at are to blame for nothing."""
    work, names = RecordingWork(tmp_path), [f"job{number}" for number in range(9)]
    backend = far(work)
    async with pool_of(work, "hangs", backend=lambda _: backend):
        work.add(*names)
        await at_work(backend, "job0")
        worker = backend.connections[0]
        worker.say(SlotFreed("job0", 1, room=3))
        worker.say(SlotFreed("job0", 1, room=3))  # said twice, it says nothing new
        await work.until(lambda: len(work.handed_out) == 4)
        assert [job.job_id for job in worker.given] == names[:4]
        assert [job.has_waited for job in worker.given] == [True] * 4
        worker.say(SlotFreed("job1", 1, room=0))
        worker.say(SlotFreed("job2", 1, room=-5))
        worker.say(SlotFreed("job3", 1, room=1))
        await work.until(lambda: len(work.handed_out) == 5)
        worker.lose_process()
        await work.until(lambda: len(work.deaths) == 5)
    assert dict(work.suspects) == dict.fromkeys(names[:5], False) | {"job0": True}


async def test_of_several_that_none_was_begun_of_the_first_is_to_blame(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    work = RecordingWork(tmp_path)
    backend = far(work)
    async with pool_of(work, "hangs", backend=lambda _: backend):
        work.add("a")
        worker = await at_work(backend, "a")
        worker.say(SlotFreed("a", 1, room=3))
        worker.say(Cancelled("a", 1))
        await work.until(lambda: work.outcomes)
        work.add("b", "c", "d")
        await work.until(lambda: len(work.handed_out) == 4)  # it hangs in the first one still
        worker.lose_process()
        await work.until(lambda: len(work.deaths) == 3)
    assert dict(work.suspects) == {"b": True, "c": False, "d": False}
    [line] = [each.getMessage() for each in caplog.records if "died" in each.getMessage()]
    assert line.endswith("Jobs that it had in hand: 3.")


async def test_a_worker_that_has_nothing_has_room_whatever_it_said(tmp_path: Path) -> None:
    work = RecordingWork(tmp_path)
    backend = far(work)
    async with pool_of(work, "hangs", backend=lambda _: backend):
        work.add("a", "b")
        worker = await at_work(backend, "a")
        worker.say(SlotFreed("a", 1, room=0))
        worker.say(Cancelled("a", 1))
        await work.until(lambda: len(work.handed_out) == 2)


async def test_room_for_quick_jobs_is_none_behind_a_slow_one(tmp_path: Path) -> None:
    work = RecordingWork(tmp_path)
    backend = far(work)
    async with pool_of(work, "hangs", backend=lambda _: backend):
        work.add("a")
        worker = await at_work(backend, "a")
        worker.say(SlotFreed("a", 1, room=9))
        work.add("b", "c", "d", seconds=60.0)
        await work.until(lambda: len(work.handed_out) == 2)
        worker.say(Started("b", 1))
        worker.say(Cancelled("a", 1))
        await work.until(lambda: len(work.outcomes) == 1)
        assert len(work.handed_out) == 2
        worker.say(SlotFreed("b", 1, room=0))
        await work.until(lambda: len(worker.given) == 3)
        assert len(work.handed_out) == 3
        # the worker isn't to take what was withheld for a slow bot
        assert [job.has_waited for job in worker.given[1:]] == [True, False]


async def test_of_room_that_makes_no_sense_little_is_believed(tmp_path: Path) -> None:
    work = RecordingWork(tmp_path)
    work.add(*(f"job{number}" for number in range(3 * MAX_AHEAD)))
    backend = far(work)
    async with pool_of(work, "hangs", backend=lambda _: backend):
        worker = await at_work(backend, "job0")
        worker.say(SlotFreed("job0", 1, room=10**9))
        await work.until(lambda: len(work.handed_out) == 1 + MAX_AHEAD)
        assert len(work.handed_out) == 1 + MAX_AHEAD


async def test_a_death_is_no_fault_of_the_job_that_is_only_written(tmp_path: Path) -> None:
    work = RecordingWork(tmp_path)
    backend = far(work)
    async with pool_of(work, "hangs", backend=lambda _: backend):
        work.add("a", "b")
        worker = await at_work(backend, "a")
        for event in (Progress("a", 1, "save", 0, 1), SlotFreed("a", 1)):
            worker.say(event)
        await work.until(lambda: len(work.handed_out) == 2)
        worker.say(Started("b", 1))
        worker.lose_process()
        await work.until(lambda: len(work.deaths) == 2)
    assert dict(work.suspects) == {"a": False, "b": True}
    assert work.begun == ["a", "b"]


async def test_words_of_an_attempt_that_is_over_are_not_heard(tmp_path: Path) -> None:
    work = RecordingWork(tmp_path)
    work.add("a")
    backend = far(work)
    async with pool_of(work, "fast", backend=lambda _: backend):
        await work.until(lambda: work.outcomes)
        heard = len(work.progress)
        for event in (Started("a", 1), Progress("a", 1, "denoise", 9, 9), Started("z", 1)):
            backend.connections[-1].say(event)
        assert (len(work.progress), len(work.outcomes)) == (heard, 1)


async def test_each_worker_gets_what_it_can_make(tmp_path: Path) -> None:
    usual = Capabilities(
        model="nano", device="cpu:0", dtype="float32", max_frames=8, max_pixels=2**20
    )
    able = replace(usual, device="cpu:1", max_frames=24)
    limits = {"cpu:0": usual, "cpu:1": able}
    async with serving(tmp_path, "fast", "fast", limits=limits) as (rig, backend):
        await until(lambda: len(backend.connections) == 2)
        async with rig.accepting(ORIGIN, replace(REQUEST, video_length=16)) as long:
            pass
        async with rig.accepting(ORIGIN, replace(REQUEST, video_length=25)) as longer:
            pass
        async with rig.accepting(ORIGIN, REQUEST) as short:
            pass
        await rig.until(long, State.DONE)
        await rig.until(short, State.DONE)
        status = rig.jobs.status(longer.id)
        assert status is not None
        assert status.is_unmatched


@pytest.fixture
def newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bot's side of another version than its workers, which read the module anew."""
    monkeypatch.setattr(wire, "WIRE_VERSION", 2)


@pytest.mark.usefixtures("newer")
async def test_a_worker_of_another_version_is_refused_by_name(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    work = RecordingWork(tmp_path)
    settings = WorkerSettings(engine="tests.generator.engines.fast:create")
    backend = LocalBackend(files=tmp_path, outputs=tmp_path)
    async with run_pool(Pool([settings], work, backend)):
        await work.until(lambda: work.all_failed)
    assert work.all_failed[0].kind is FailureKind.VERSION
    assert "different versions (messages of version 1, not 2)" in str(work.all_failed[0])
    assert "different versions" in caplog.text


async def test_what_a_newer_worker_can_beside_is_named_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, logger="bot.workers.supervisor")
    usual = Capabilities(
        model="nano", device="cpu:0", dtype="float32", max_frames=8, max_pixels=2**20
    )
    async with serving(tmp_path, "fast", limits={"cpu:0": replace(usual, unknown=("sound",))}) as (
        rig,
        _,
    ):
        await rig.until(await rig.accept(), State.DONE)
    assert "has 'sound', unknown to this version; it isn't used" in caplog.text
