"""Jobs with files over lines that delay, stall and break: each comes whole, and once."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.jobs.outcomes import MadeFile
from bot.storage.blobs import BlobStore
from bot.workers.remote.hub import RemoteWorker
from generator.contract.messages import Lora
from tests.bot.workers.remote.bad_line import BadLine, bad_line
from tests.bot.workers.remote.rig import AgentProcess, bot_of, server_of
from tests.bot.workers.test_pool import RecordingWork
from tests.patience import until

COPIES = "tests.bot.engines.copies:create"


@asynccontextmanager
async def host_on(
    directory: Path, work: RecordingWork, *, lost_after: float = 60.0, **line: float
) -> AsyncIterator[tuple[BadLine, RemoteWorker]]:
    """A host that reaches its server over such a line, and is there."""
    (directory / "scratch").mkdir()
    with server_of(directory, "home") as server:
        async with bad_line(BadLine(server.port, **line)) as way:  # type: ignore[arg-type]
            agent = AgentProcess(server.join_line("home", port=way.port), "home", directory, COPIES)
            try:
                async with bot_of(
                    server,
                    work,
                    directory / "blobs",
                    directory / "scratch",
                    lost_after=lost_after,
                ) as rig:
                    await work.until(lambda: work.recoveries)
                    yield way, rig.hub.workers()[0]
            finally:
                agent.send(signal.SIGTERM)
                agent.send(signal.SIGTERM)
                agent.process.wait(30)


def lora_of(work: RecordingWork, directory: Path, size: int) -> bytes:
    """Have each job bring such a file, and become it."""
    weights = os.urandom(size)
    work.loras = (Lora(BlobStore(directory / "blobs").put(weights, ".safetensors")),)
    return weights


async def test_files_travel_a_slow_line_that_is_cut_and_come_once(tmp_path: Path) -> None:
    """Cut on their way there, and on the way back."""
    work = RecordingWork(tmp_path)
    weights = lora_of(work, tmp_path, 2_500_000)
    cuts = {"cut_every": 1_500_000, "cuts_left": 2}
    async with host_on(tmp_path, work, delay=0.1, jitter=0.02, **cuts) as (line, _):
        work.add("a")
        await work.until(lambda: work.outcomes)
        work.loras = ()
        work.add("b")
        await work.until(lambda: len(work.outcomes) == 2)
    assert [outcome.job_id for _, outcome in work.outcomes] == ["a", "b"]
    assert all(isinstance(outcome, MadeFile) for _, outcome in work.outcomes)
    assert (tmp_path / "scratch" / "a-1.gif").read_bytes() == weights
    assert (line.cuts_left, work.deaths, work.recoveries) == (0, [], 1)


async def test_a_line_that_stalls_costs_an_attempt_and_delivers_once(tmp_path: Path) -> None:
    work = RecordingWork(tmp_path)
    weights = lora_of(work, tmp_path, 1_000_000)
    async with host_on(tmp_path, work, lost_after=2.0, delay=0.02) as (line, worker):
        work.add("a")
        await until(lambda: line.carried > 300_000)
        line.stall()
        await work.until(lambda: work.deaths)
        assert not worker.is_here
        line.flow()
        work.add("b")  # as the service has it made anew
        await work.until(lambda: work.outcomes)
    assert [outcome.job_id for _, outcome in work.outcomes] == ["b"]
    assert (tmp_path / "scratch" / "b-1.gif").read_bytes() == weights
    assert [path.name for path in (tmp_path / "scratch").iterdir()] == ["b-1.gif"]
