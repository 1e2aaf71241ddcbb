"""A worker holds one model at a time, changes it between two jobs, and survives broken ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from bot.jobs.outcomes import MadeFile
from bot.workers.local import LocalBackend
from bot.workers.pool import Pool, run_pool
from generator.contract.worker_settings import NamedModel, WorkerSettings
from tests.bot.workers.test_pool import RecordingWork


@asynccontextmanager
async def pool_with(work: RecordingWork, *models: str, first: str) -> AsyncIterator[Pool]:
    settings = WorkerSettings(
        engine="tests.bot.engines.named:create",
        device="cpu",
        models=tuple(NamedModel(name=name, model=f"owner/{name}") for name in models),
    ).loading(first)
    pool = Pool([settings], work, LocalBackend(files=work.directory, outputs=work.directory))
    async with run_pool(pool):
        yield pool


def made(work: RecordingWork) -> dict[str, int]:
    """The process that made each job, in the order in which they were made."""
    files = [outcome for _, outcome in work.outcomes if isinstance(outcome, MadeFile)]
    return {file.job_id: int(file.path.read_text()) for file in files}


async def test_a_worker_changes_its_model_between_two_jobs(tmp_path: Path) -> None:
    work = RecordingWork(tmp_path)
    work.ask(("a1", "one"), ("b1", "two"), ("a2", "one"), ("b2", "two"), ("a3", "one"))
    async with pool_with(work, "one", "two", first="one") as pool:
        await work.until(lambda: len(work.outcomes) == 5)
        assert [report.model for report in pool.reports()] == ["two"]
    processes = made(work)
    assert list(processes) == ["a1", "a2", "a3", "b1", "b2"]
    assert work.changed_for == ["b1"]
    assert len(set(processes.values())) == 2
    assert not psutil.pid_exists(processes["a1"])
    assert (work.deaths, work.broken) == ([], [])


async def test_a_model_that_is_broken_leaves_the_worker_to_others(tmp_path: Path) -> None:
    work = RecordingWork(tmp_path)
    work.ask(("a1", "one"), ("b1", "broken"), ("h1", "huge"), ("t1", "two"))
    async with pool_with(work, "one", "broken", "huge", "two", first="one"):
        await work.until(lambda: len(work.broken) == 2 and len(work.outcomes) == 2)
        work.ask(("a2", "one"))
        await work.until(lambda: len(work.outcomes) == 3)
    assert list(made(work)) == ["a1", "t1", "a2"]
    assert work.broken[0] == ("broken", "The weights are damaged; fetch them again.")
    assert work.broken[1][0] == "huge"
    assert "crashes while loading it" in work.broken[1][1]
    assert work.deaths == []


async def test_the_first_model_that_is_broken_is_not_the_end(tmp_path: Path) -> None:
    work = RecordingWork(tmp_path)
    work.ask(("b1", "broken"), ("t1", "two"))
    async with pool_with(work, "broken", "two", first="broken"):
        await work.until(lambda: work.outcomes)
    assert list(made(work)) == ["t1"]
    assert [model for model, _ in work.broken] == ["broken"]
    assert (work.all_failed, work.all_unavailable) == ([], [])
