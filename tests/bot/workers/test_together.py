"""Jobs that a device computes together, in a real process: each ends for itself, and once."""

from __future__ import annotations

from pathlib import Path

from bot.jobs.outcomes import MadeFile
from generator.contract.messages import Cancelled
from tests.bot.workers.test_pool import RecordingWork, pool_of
from tests.generator.engines.batches import KILLED_TOGETHER


def batch(directory: Path, *names: str) -> RecordingWork:
    work = RecordingWork(directory)
    work.are_alike = True
    work.add(*names)
    return work


def is_made_together(path: Path, count: int) -> bool:
    return f"one of {count}".encode() in path.read_bytes()


async def test_as_many_as_it_can_and_the_rest_after_them(tmp_path: Path) -> None:
    work = batch(tmp_path, "a", "b", "c", "d", "e")
    async with pool_of(work, "batches"):
        await work.until(lambda: len(work.outcomes) == 5)
    assert all(isinstance(outcome, MadeFile) for _, outcome in work.outcomes)
    assert work.together == [["a", "b", "c", "d"]]
    assert [is_made_together(tmp_path / f"{name}-1.gif", 4) for name in "ade"] == [
        True,
        True,
        False,
    ]
    assert sorted(work.begun) == ["a", "b", "c", "d", "e"]


async def test_one_is_cancelled_and_the_others_go_on(tmp_path: Path) -> None:
    work = batch(tmp_path, "a", "b", "c")
    work.steps = 50
    async with pool_of(work, "batches") as pool:
        await work.until(lambda: work.progress)
        pool.cancel("b", 1)
        await work.until(lambda: len(work.outcomes) == 3)
    (_, first), *others = work.outcomes
    assert first == Cancelled("b", 1)
    assert {outcome.job_id for _, outcome in others if isinstance(outcome, MadeFile)} == {"a", "c"}


async def test_a_worker_that_dies_of_one_may_have_died_of_each(tmp_path: Path) -> None:
    work = batch(tmp_path, "a", "b")
    work.prompt = KILLED_TOGETHER
    async with pool_of(work, "batches"):
        await work.until(lambda: len(work.deaths) == 2)
        await work.until(lambda: work.recoveries == 2)
    assert sorted(work.suspects) == [("a", True), ("b", True)]
