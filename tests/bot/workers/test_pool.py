"""Workers that fail in their own ways, in real processes and far away; a list plays the service.

What a process alone can do, such as to be killed by its id or to grow, is tried with these alone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.errors import WorkerDiedError
from bot.jobs.needs import JobNeeds
from bot.jobs.outcomes import JobOutcome, MadeFile
from bot.jobs.queue import FairQueue, Ticket
from bot.jobs.roster import WorkerRoster
from bot.storage.models import Job
from bot.workers.backend import WorkerBackend
from bot.workers.local import LocalBackend
from bot.workers.pool import Pool, run_pool
from bot.workers.watchdog import WatchdogSettings
from generator.contract.errors import Failure, FailureKind
from generator.contract.messages import Cancelled, Capabilities, Control, Generate, Lora, Progress
from generator.contract.worker_settings import WorkerSettings
from tests.bot.jobs.samples import REQUEST, job
from tests.bot.workers.far import FarBackend
from tests.patience import PATIENCE, until


class RecordingWork:
    """The ``Work`` of a pool: hands out jobs, and writes down what became of them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._queue = FairQueue()
        self._roster = WorkerRoster(self._queue.note_workers_changed)
        self.changed_for: list[str] = []
        self.broken: list[tuple[str, str]] = []
        self.handed_out: list[float] = []
        self.begun: list[str] = []
        self.outcomes: list[tuple[float, JobOutcome]] = []
        self.deaths: list[tuple[str, WorkerDiedError]] = []
        self.suspects: list[tuple[str, bool]] = []
        self.put_back: list[str] = []
        self.progress: list[Progress] = []
        self.unavailable: list[tuple[str, str]] = []
        self.all_unavailable: list[Failure] = []
        self.all_failed: list[Failure] = []
        self.removed: list[str] = []
        self.recoveries = 0
        self.are_alike = False
        self.together: list[list[str]] = []
        self.steps = 3
        self.prompt = REQUEST.prompt
        self.controls: tuple[Control, ...] = ()
        self.loras: tuple[Lora, ...] = ()

    def add(self, *names: str, seconds: float = 0.05) -> None:
        """Add jobs, each of which may take so long."""
        for name in names:
            self._queue.put(Ticket(0, name, 1, seconds=seconds))

    def ask(self, *asked: tuple[str, str]) -> None:
        """Add jobs, each with the model that it wants."""
        for number, (name, model) in enumerate(asked):
            self._queue.put(Ticket(number, name, number, JobNeeds(model=model)))

    async def next_ticket(self, capabilities: Capabilities) -> Ticket:
        return await self._queue.get(self._roster.fit(capabilities))

    def take_waiting(self, capabilities: Capabilities, most: int, seconds: float) -> list[Ticket]:
        return self._queue.take_waiting(self._roster.fit(capabilities), most, seconds)

    def take_companions(self, ticket: Ticket, capabilities: Capabilities) -> list[Ticket]:
        most = capabilities.clips_together(1) - 1
        fit = self._roster.fit(capabilities)
        return self._queue.take_alike(ticket, fit, most, lambda _: self.are_alike)

    def jobs_together(self, job_ids: Sequence[str]) -> None:
        self.together.append(list(job_ids))

    def worker_changing(self, device: str, ticket: Ticket) -> None:
        self.changed_for.append(ticket.job_id)

    def model_broken(self, device: str, model: str, failure: Failure) -> None:
        self.broken.append((model, str(failure)))

    def return_ticket(self, ticket: Ticket) -> None:
        self._queue.put_back(ticket)

    async def start_job(self, ticket: Ticket, device: str) -> tuple[Job, Generate] | None:
        if ticket.job_id == "cancelled meanwhile":
            return None
        self.handed_out.append(time.perf_counter())
        request = replace(
            REQUEST,
            prompt=self.prompt,
            steps=self.steps,
            controls=self.controls,
            loras=self.loras,
        )
        made = job(id=ticket.job_id, request=request)
        return made, Generate(ticket.job_id, 1, request, ".gif")

    def job_begun(self, job_id: str) -> None:
        self.begun.append(job_id)

    def job_progressed(self, progress: Progress) -> None:
        self.progress.append(progress)

    def job_ended(self, job: Job, outcome: JobOutcome) -> None:
        self.outcomes.append((time.perf_counter(), outcome))

    def worker_died(self, job: Job, death: WorkerDiedError, *, is_suspect: bool = True) -> None:
        self.deaths.append((job.id, death))
        self.suspects.append((job.id, is_suspect))

    async def job_interrupted(self, job: Job) -> None:
        self.put_back.append(job.id)

    def worker_loading(self, device: str) -> None: ...

    def worker_ready(self, device: str, capabilities: Capabilities) -> None:
        self.recoveries += 1

    def worker_removed(self, device: str) -> None:
        self.removed.append(device)

    def workers_may_come(self) -> None: ...

    def worker_unavailable(self, device: str, failure: Failure) -> None:
        self.unavailable.append((device, str(failure)))

    def all_workers_unavailable(self, failure: Failure) -> None:
        self.all_unavailable.append(failure)

    def all_workers_failed(self, failure: Failure) -> None:
        self.all_failed.append(failure)

    async def until(self, holds: Callable[[], object]) -> None:
        await until(holds, lambda: vars(self))


def _package(engine: str) -> str:
    own = engine in ("grows", "hangs_in_setup")
    return "tests.bot.engines" if own else "tests.generator.engines"


Backends = Callable[[RecordingWork], WorkerBackend]


def local(work: RecordingWork) -> WorkerBackend:
    """Processes on this machine."""
    return LocalBackend(files=work.directory, outputs=work.directory)


def far(work: RecordingWork) -> FarBackend:
    """A host that has nothing of the bot's, and no process here."""
    host = work.directory / "host"
    host.mkdir()
    return FarBackend(files=work.directory, host=host, here=work.directory)


both = pytest.mark.parametrize("backend", [local, far])


@asynccontextmanager
async def pool_of(
    work: RecordingWork,
    *engines: str,
    watchdog: WatchdogSettings | None = None,
    backend: Backends = local,
) -> AsyncIterator[Pool]:
    settings = [
        WorkerSettings(engine=f"{_package(engine)}.{engine}:create", device=f"cpu:{number}")
        for number, engine in enumerate(engines)
    ]
    pool = Pool(settings, work, backend(work), watchdog)
    async with run_pool(pool):
        yield pool


@both
async def test_one_job_after_another(tmp_path: Path, backend: Backends) -> None:
    work = RecordingWork(tmp_path)
    work.add("a", "cancelled meanwhile", "b")
    async with pool_of(work, "fast", backend=backend) as pool:
        await work.until(lambda: len(work.outcomes) == 2)
        pids = pool.pids
    assert len(pids) == (backend is local)
    assert all(isinstance(outcome, MadeFile) for _, outcome in work.outcomes)
    assert [progress.step for progress in work.progress] == [1, 2, 3] * 2
    assert (tmp_path / "b-1.gif").exists()
    assert work.recoveries == 1
    assert not any(map(is_alive, pids))


@both
async def test_two_devices_work_at_the_same_time(tmp_path: Path, backend: Backends) -> None:
    work = RecordingWork(tmp_path)
    async with pool_of(work, "hangs", "fast", backend=backend) as pool:
        await work.until(lambda: work.recoveries == 2)
        assert len(pool.pids) == (2 if backend is local else 0)
        work.add("a", "b", "c")  # one is held up, the others pass it
        await work.until(lambda: len(work.outcomes) == 2)
    assert len(work.put_back) == 1


async def test_a_killed_worker_is_replaced_at_once(tmp_path: Path) -> None:
    work = RecordingWork(tmp_path)
    work.add("a")
    async with pool_of(work, "hangs") as pool:
        await work.until(lambda: work.handed_out)
        [pid] = pool.pids
        os.kill(pid, signal.SIGKILL)
        await work.until(lambda: work.deaths)
        [(job_id, death)] = work.deaths
        assert (job_id, death.exit_code) == ("a", -9)
        await work.until(lambda: work.recoveries == 2)
        assert pool.pids not in ([pid], [])


async def test_an_idle_workers_death_costs_no_job(tmp_path: Path) -> None:
    work = RecordingWork(tmp_path)
    async with pool_of(work, "fast") as pool:
        await work.until(lambda: work.recoveries == 1)
        os.kill(pool.pids[0], signal.SIGKILL)
        work.add("a")
        await work.until(lambda: work.outcomes or work.deaths)
        await work.until(lambda: work.recoveries == 2)


@both
async def test_a_cancelled_job_makes_room(tmp_path: Path, backend: Backends) -> None:
    work = RecordingWork(tmp_path)
    work.steps = 10_000  # of 20 ms
    work.add("a")
    async with pool_of(work, "slow", backend=backend) as pool:
        await work.until(lambda: work.progress)
        pool.cancel("somebody else's", 1)
        pool.cancel("a", 1)
        await work.until(lambda: work.outcomes)
        work.steps = 1
        work.add("b")
        await work.until(lambda: len(work.outcomes) == 2)
    assert work.outcomes[0][1] == Cancelled("a", 1)
    assert isinstance(work.outcomes[1][1], MadeFile)


@both
async def test_a_model_that_cannot_be_loaded_is_reported(tmp_path: Path, backend: Backends) -> None:
    work = RecordingWork(tmp_path)
    async with pool_of(work, "raises_in_setup", backend=backend):
        await work.until(lambda: work.all_failed)
    assert str(work.all_failed[0]) == "There is no model at nano; give a directory."
    assert work.all_failed[0].kind is FailureKind.MODEL


@both
async def test_one_working_device_is_enough(tmp_path: Path, backend: Backends) -> None:
    work = RecordingWork(tmp_path)
    async with pool_of(work, "raises_in_setup", "fast", backend=backend):
        work.add("a")
        await work.until(lambda: work.outcomes and work.unavailable)
    assert work.all_unavailable == work.all_failed == []
    assert set(work.unavailable) == {("cpu:0", "There is no model at nano; give a directory.")}


@both
async def test_dying_at_start_ends_in_pauses(tmp_path: Path, backend: Backends) -> None:
    work = RecordingWork(tmp_path)
    async with pool_of(work, "killed_in_setup", backend=backend):
        await work.until(lambda: work.all_unavailable)
    assert "crashes while starting (killed by signal 9)" in str(work.all_unavailable[0])
    assert work.all_unavailable[0].kind is FailureKind.WORKER_DIED
    assert work.all_failed == []  # bad luck may pass: what waits goes on waiting


@both
async def test_a_worker_that_says_nothing_is_killed(tmp_path: Path, backend: Backends) -> None:
    work = RecordingWork(tmp_path)
    work.add("a")
    async with pool_of(
        work, "hangs", watchdog=WatchdogSettings(silence_seconds=0.3), backend=backend
    ) as pool:
        await work.until(lambda: work.recoveries == 1)
        pids = pool.pids
        assert len(pids) == (backend is local)
        await work.until(lambda: work.deaths)
        [(_, death)] = work.deaths
        assert str(death.reason) == "it didn't respond for 0.3 s and was stopped"
        await work.until(lambda: work.recoveries == 2)
        assert not any(map(is_alive, pids))


@both
async def test_a_worker_that_works_is_not_taken_for_hung(tmp_path: Path, backend: Backends) -> None:
    """It takes far longer than the time-out, and says so at every step of 20 ms."""
    work = RecordingWork(tmp_path)
    work.steps = 100
    work.add("a")
    async with pool_of(
        work, "slow", watchdog=WatchdogSettings(silence_seconds=1.0), backend=backend
    ):
        await work.until(lambda: work.outcomes)
    assert work.deaths == []


@both
async def test_a_worker_that_does_not_get_ready_is_replaced(
    tmp_path: Path, backend: Backends
) -> None:
    work = RecordingWork(tmp_path)
    async with pool_of(
        work, "hangs_in_setup", watchdog=WatchdogSettings(start_seconds=0.2), backend=backend
    ):
        await work.until(lambda: work.all_unavailable)
    assert "didn't respond for 0.2 s" in str(work.all_unavailable[0])
    assert work.all_unavailable[0].kind is FailureKind.WORKER_HUNG


async def test_a_worker_that_grew_is_replaced_between_two_jobs(tmp_path: Path) -> None:
    work = RecordingWork(tmp_path)
    work.add("a", "b")
    async with pool_of(work, "grows", watchdog=WatchdogSettings(memory_bytes=200 * 2**20)) as pool:
        await work.until(lambda: len(work.outcomes) == 2)
        await work.until(lambda: work.recoveries == 3)  # each job was one too many
        [report] = pool.reports()
        assert report.memory_bytes is not None
        assert report.memory_bytes < 200 * 2**20
    assert work.deaths == []


@pytest.mark.parametrize("engine", ["fast", "clips"])
async def test_one_that_is_too_large_from_the_start_makes_a_job_all_the_same(
    tmp_path: Path, engine: str
) -> None:
    """And its file, where another process writes that."""
    work = RecordingWork(tmp_path)
    work.add("a", "b")
    async with pool_of(work, engine, watchdog=WatchdogSettings(memory_bytes=1)):
        await work.until(lambda: work.recoveries == 3)  # and then gives way to another
    assert [outcome.job_id for _, outcome in work.outcomes] == ["a", "b"]


@both
async def test_a_control_net_that_is_new_may_be_downloaded_first(
    tmp_path: Path, backend: Backends
) -> None:
    """For as long as a model at the start; the next job with it is watched as any other."""
    work = RecordingWork(tmp_path)
    work.controls = (Control("canny"),)
    work.add("a", "b")
    patient = WatchdogSettings(silence_seconds=0.01, start_seconds=PATIENCE)
    async with pool_of(work, "slow", watchdog=patient, backend=backend):
        await work.until(lambda: work.outcomes and work.deaths)
    assert [outcome.job_id for _, outcome in work.outcomes] == ["a"]
    assert [job_id for job_id, _ in work.deaths] == ["b"]


@both
async def test_a_pool_that_is_drained_begins_nothing_more(
    tmp_path: Path, backend: Backends
) -> None:
    work = RecordingWork(tmp_path)
    work.steps = 60  # of 20 ms, the last five of which ask for the next job
    async with pool_of(work, "slow", backend=backend) as pool:
        await work.until(lambda: work.recoveries)
        work.add("a", "b")
        await work.until(lambda: work.progress)
        assert [report.state for report in pool.reports()] == ["busy"]
        await pool.drain()
        assert [outcome.job_id for _, outcome in work.outcomes] == ["a"]
        await asyncio.sleep(0.1)
        assert len(work.handed_out) == 1
    assert work.put_back == []


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
