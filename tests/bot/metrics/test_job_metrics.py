"""What is counted of jobs that live on a real database, and of what the gate decides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.core.errors import RefusedError, WorkerDiedError
from bot.jobs.service import JobService
from bot.metrics.families import Families
from bot.metrics.job_metrics import JobMetrics
from bot.storage.database import open_database
from bot.storage.models import BOT, State
from generator.contract.errors import Failure, FailureKind
from generator.contract.messages import Failed
from generator.contract.text import Text
from tests.bot.jobs.rig import JobRig, RecordingNotifier
from tests.bot.jobs.samples import ORIGIN, REQUEST


class WatchedRig(JobRig):
    """A rig whose metrics are looked at, from its last restart on."""

    def restarted(self) -> JobService:
        jobs = super().restarted()
        self.families = Families()
        self.metrics = JobMetrics(self.families)
        self.store.transitions.subscribe(self.metrics.hear)
        self.gate.decisions.subscribe(self.metrics.decide)
        return jobs

    def value(self, name: str, **labels: str) -> float:
        found = self.families.registry.get_sample_value(f"hotshot_{name}", labels)
        assert found is not None, (name, labels)
        return found

    def unfinished(self) -> dict[str, float]:
        names = ("queued", "running", "delivering")
        return {name: self.value("jobs", state=name, owner="people") for name in names}


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[WatchedRig]:
    async with open_database(f"sqlite:///{tmp_path / 'test.db'}") as database:
        rig = WatchedRig(database, tmp_path, RecordingNotifier())
        yield rig
        await rig.jobs.close()


async def test_a_job_is_where_it_is_and_once_over_is_counted(rig: WatchedRig) -> None:
    job = await rig.accept()
    await rig.until(job, State.QUEUED)
    assert rig.unfinished() == {"queued": 1, "running": 0, "delivering": 0}
    assert rig.metrics.waiting_by_server == {ORIGIN.guild_id: 1}
    running, _ = await rig.start_job()
    assert rig.unfinished() == {"queued": 0, "running": 1, "delivering": 0}
    assert rig.metrics.waiting_by_server == {}
    rig.jobs.worker_died(running, WorkerDiedError(-9))
    await rig.until(job, State.QUEUED)
    running, generate = await rig.start_job()
    rig.jobs.job_ended(running, rig.finished(generate, seconds=7.0))
    await rig.until(job, State.DONE)
    assert rig.unfinished() == {"queued": 0, "running": 0, "delivering": 0}
    assert rig.value("jobs_accepted_total", owner="people") == 1
    assert rig.value("jobs_retried_total") == 1
    assert rig.value("jobs_ended_total", state="done", failure="") == 1
    assert rig.value("job_wait_seconds_count", owner="people") == 2
    assert rig.value("job_work_seconds_sum", model="nano") == 7.0
    assert rig.value("job_delivery_seconds_count") == 1
    # the rig posts it in another channel than that of the command
    assert rig.value("deliveries_total", way="direct") == 1


async def test_a_failure_is_counted_by_its_kind(rig: WatchedRig) -> None:
    job = await rig.accept()
    running, generate = await rig.start_job()
    failure = Failure(FailureKind.OUT_OF_MEMORY, Text("Too large."))
    rig.jobs.job_ended(running, Failed(generate.job_id, generate.attempt, failure))
    await rig.until(job, State.FAILED)
    cancelled = await rig.accept()
    await rig.jobs.cancel(cancelled.id, by=ORIGIN.user_id)
    await rig.until(cancelled, State.CANCELLED)
    assert rig.value("jobs_ended_total", state="failed", failure="out_of_memory") == 1
    assert rig.value("jobs_ended_total", state="cancelled", failure="") == 1
    assert rig.value("jobs_ended_total", state="failed", failure="internal") == 0


async def test_after_a_restart_what_waits_is_there_and_not_accepted_again(
    rig: WatchedRig,
) -> None:
    await rig.accept()
    jobs = await rig.killed()
    await jobs.recover()
    await jobs.wait_until_idle()
    assert rig.unfinished() == {"queued": 1, "running": 0, "delivering": 0}
    assert rig.metrics.waiting_by_server == {ORIGIN.guild_id: 1}
    assert rig.value("jobs_accepted_total", owner="people") == 0


async def test_the_bots_own_jobs_are_nobodys_queue(rig: WatchedRig) -> None:
    job = await rig.accept(replace(ORIGIN, user_id=BOT))
    await rig.until(job, State.QUEUED)
    assert rig.value("jobs", state="queued", owner="bot") == 1
    assert rig.metrics.waiting_by_server == {}


async def test_refusals_are_counted_by_the_rule(rig: WatchedRig) -> None:
    for _ in range(rig.size):
        await rig.accept()
    with pytest.raises(RefusedError, match="waiting or running"):
        await rig.accept()
    assert rig.value("gate_decisions_total", answer="refused", rule="unfinished") == 1
    await rig.words.change(ORIGIN.guild_id or 0, "withhold", "walrus")
    with pytest.raises(RefusedError):
        async with rig.accepting(request=replace(REQUEST, prompt="a walrus")):
            pass
    assert rig.value("gate_decisions_total", answer="refused", rule="words") == 1
