"""A worker that whoever runs the bot has started anew."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.workers.local import LocalBackend
from bot.workers.pool import Pool, run_pool
from bot.workers.restarts import Restarts
from generator.contract.worker_settings import WorkerSettings
from tests.bot.workers.test_pool import RecordingWork


def make_pool(work: RecordingWork, engine: str) -> Pool:
    backend = LocalBackend(files=work.directory, outputs=work.directory)
    return Pool([WorkerSettings(engine=engine, device="cpu")], work, backend)


async def test_an_idle_one_is_replaced_and_no_ticket_is_lost(tmp_path: Path) -> None:
    work = RecordingWork(tmp_path)
    pool = make_pool(work, "tests.generator.engines.fast:create")
    async with run_pool(pool):
        await work.until(lambda: work.recoveries)
        [before] = pool.pids
        assert await pool.restart("cpu", at_once=False)
        await work.until(lambda: work.recoveries == 2)
        assert pool.pids != [before]
        work.add("one")
        await work.until(lambda: work.outcomes)
        assert not await pool.restart("gpu", at_once=True)
    assert (work.deaths, work.unavailable) == ([], [])


async def test_one_at_work_finishes_first_or_is_killed_and_nobody_is_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = tmp_path / "go"
    monkeypatch.setenv("TESTS_GO_FILE", str(go))
    work = RecordingWork(tmp_path)
    pool = make_pool(work, "tests.bot.engines.waits:create")
    async with run_pool(pool):
        work.add("first")
        await work.until(lambda: work.begun == ["first"])
        [before] = pool.pids
        await pool.restart("cpu", at_once=True)
        await work.until(lambda: work.suspects)
        assert work.suspects == [("first", False)]
        work.add("second")
        await work.until(lambda: work.begun == ["first", "second"])
        [between] = pool.pids
        assert between != before
        await pool.restart("cpu", at_once=False)
        assert pool.pids == [between]
        go.touch()
        await work.until(lambda: work.outcomes)
        await work.until(lambda: work.recoveries == 3)
        assert pool.pids != [between]
    assert work.unavailable == []


async def test_a_long_pause_ends_when_somebody_asks() -> None:
    restarts = Restarts()
    restarts.deaths = 30  # so it would be five minutes
    pausing = asyncio.create_task(restarts.wait(is_down=True, has_failed=True))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not pausing.done()
    restarts.ask()
    for _ in range(10):
        await asyncio.sleep(0)
    assert pausing.done()
    assert (restarts.deaths, restarts.is_asked) == (0, False)
