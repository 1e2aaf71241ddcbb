"""Workers on GPU hosts, over a real server, real agents and real processes that are killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.core.errors import HostLostError
from bot.jobs.outcomes import MadeFile
from bot.storage.blobs import BlobStore
from bot.workers.watchdog import WatchdogSettings
from generator.contract.errors import FailureKind
from generator.contract.messages import Cancelled, Lora
from tests.bot.workers.remote.rig import agents_of, bot_of, server_of
from tests.bot.workers.remote.server import NatsServer
from tests.bot.workers.test_pool import RecordingWork, is_alive
from tests.patience import until

SLOW = "tests.generator.engines.slow:create"


@dataclass
class Place:
    directory: Path
    server: NatsServer
    blobs: BlobStore
    scratch: Path
    work: RecordingWork

    def bot(self, **options: object):  # type: ignore[no-untyped-def]
        return bot_of(
            self.server,
            self.work,
            self.directory / "blobs",
            self.scratch,
            **options,  # type: ignore[arg-type]
        )

    def agents(self, engine: str, *hosts: str, flags: tuple[str, ...] = ()):  # type: ignore[no-untyped-def]
        return agents_of(self.server, self.directory, engine, *hosts, flags=flags)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with server_of(tmp_path, "home", "rack") as server:
        blobs = BlobStore(tmp_path / "blobs")
        yield Place(tmp_path, server, blobs, scratch, RecordingWork(tmp_path))


async def test_files_travel_by_their_hash_and_are_kept(place: Place) -> None:
    """Several chunks each way; the second job finds the file there, and hosts keep no results."""
    weights = os.urandom(3_000_000)
    blob = place.blobs.put(weights, ".safetensors")
    work = place.work
    work.loras = (Lora(blob), Lora(place.blobs.put(b"", ".safetensors")))
    with place.agents("tests.bot.engines.copies:create", "home") as [agent]:
        async with place.bot() as rig:
            work.add("a", "b")
            await work.until(lambda: len(work.outcomes) == 2)
            [report] = rig.pool.reports()
            assert report.device == "home.cpu"
            [worker] = rig.hub.workers()
            await until(lambda: worker.hello and worker.hello.cached == len(weights))
    for name in ("a-1.gif", "b-1.gif"):
        assert (place.scratch / name).read_bytes() == weights
    assert len(list(place.scratch.iterdir())) == 2
    kept = agent.cache / "worker-home"
    assert (kept / "files" / blob[:2] / blob).read_bytes() == weights
    assert list((kept / "outputs").iterdir()) == list((kept / "parts").iterdir()) == []


async def test_previews_are_files_here(place: Place) -> None:
    work = place.work
    work.steps = 1000  # the last preview stays
    with place.agents("tests.bot.engines.previews:create", "home"):
        async with place.bot() as rig:
            work.add("a")
            await work.until(lambda: work.progress and work.progress[-1].preview)
            shown = Path(work.progress[-1].preview)
            assert shown.parent == place.scratch
            assert shown.read_bytes().startswith(b"RIFF")  # noqa: ASYNC240
            rig.pool.cancel("a", 1)
            await work.until(lambda: work.outcomes)
    assert list(place.scratch.iterdir()) == []


async def test_an_engine_that_floods_is_throttled_on_its_host(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    work = place.work
    work.steps = 30_000
    with place.agents("tests.generator.engines.fast:create", "home"):
        async with place.bot():
            work.add("a")
            await work.until(lambda: work.outcomes)
    assert isinstance(work.outcomes[0][1], MadeFile)
    assert work.progress[-1].step == 30_000
    assert len(work.progress) < 10_000
    assert "sends more than the bot reads" not in caplog.text


async def test_a_cancelled_job_makes_room(place: Place) -> None:
    work = place.work
    work.steps = 10_000
    with place.agents(SLOW, "home"):
        async with place.bot() as rig:
            work.add("a")
            await work.until(lambda: work.progress)
            rig.pool.cancel("a", 1)
            await work.until(lambda: work.outcomes)
            work.steps = 1
            work.add("b")
            await work.until(lambda: len(work.outcomes) == 2)
    assert work.outcomes[0][1] == Cancelled("a", 1)
    assert isinstance(work.outcomes[1][1], MadeFile)


async def test_variations_are_computed_together_each_with_its_own_end(place: Place) -> None:
    """One of four is cancelled in the middle; none is heard of more than once."""
    work = place.work
    work.are_alike, work.steps = True, 100
    work.loras = (Lora(place.blobs.put(os.urandom(1000), ".safetensors")),)
    with place.agents("tests.generator.engines.batches:create", "home"):
        async with place.bot() as rig:
            work.add("a", "b", "c", "d", "e")
            await work.until(lambda: work.progress)
            rig.pool.cancel("b", 1)
            await work.until(lambda: len(work.outcomes) == 5)
    assert work.together == [["a", "b", "c", "d"]]
    outcomes = {outcome.job_id: outcome for _, outcome in work.outcomes}
    assert outcomes.pop("b") == Cancelled("b", 1)
    assert {*outcomes} == {"a", "c", "d", "e"}
    assert all(isinstance(outcome, MadeFile) for outcome in outcomes.values())
    made = {path.name: path.read_bytes() for path in place.scratch.iterdir()}
    assert {*made} == {"a-1.gif", "c-1.gif", "d-1.gif", "e-1.gif"}
    assert [b"one of 4" in made[f"{name}-1.gif"] for name in "acde"] == [True, True, True, False]
    assert sorted(work.begun) == ["a", "b", "c", "d", "e"]


async def test_a_killed_worker_is_a_death_and_a_killed_host_is_none(place: Place) -> None:
    work = place.work
    work.steps = 10_000
    with place.agents(SLOW, "home") as [agent]:
        async with place.bot():
            work.add("a")
            await work.until(lambda: work.progress)
            os.kill(agent.worker_pids()[0], signal.SIGKILL)
            await work.until(lambda: work.deaths)
            assert work.deaths[0][1].exit_code == -9
            work.add("b")
            await work.until(lambda: work.progress[-1].job_id == "b")
            [pid] = agent.worker_pids()
            agent.kill()
            await work.until(lambda: len(work.deaths) == 2)
            assert work.deaths[1][0] == "b"
            assert isinstance(work.deaths[1][1], HostLostError)
            await work.until(lambda: work.removed == ["home.cpu"])
            await until(lambda: not is_alive(pid))
            work.steps = 1
            work.add("c")
            agent.restart()
            await work.until(lambda: work.outcomes)
    assert [work.all_failed, work.all_unavailable, work.unavailable] == [[], [], []]


async def test_a_worker_that_says_nothing_is_killed(place: Place) -> None:
    work = place.work
    work.add("a")
    watchdog = WatchdogSettings(silence_seconds=0.3)
    with place.agents("tests.generator.engines.hangs:create", "home") as [agent]:
        async with place.bot(watchdog=watchdog):
            await work.until(agent.worker_pids)
            [pid] = agent.worker_pids()
            await work.until(lambda: work.deaths)
            assert work.deaths[0][1].kind is FailureKind.WORKER_HUNG
            await work.until(lambda: work.recoveries == 2)
            assert not is_alive(pid)


async def test_a_server_that_is_killed_costs_nothing(place: Place) -> None:
    work = place.work
    work.steps = 150
    with place.agents(SLOW, "home"):
        async with place.bot(lost_after=60.0):
            work.add("a", "b")
            await work.until(lambda: work.progress)
            place.server.kill()
            place.server.start()
            await work.until(lambda: len(work.outcomes) == 2)
    assert work.deaths == []
    assert work.recoveries == 1


async def test_a_bot_that_starts_again_finds_the_model_warm(place: Place) -> None:
    work = place.work
    work.steps = 10_000
    with place.agents(SLOW, "home") as [agent]:
        async with place.bot():
            work.add("a")
            await work.until(lambda: work.progress)
            pids = agent.worker_pids()
        assert work.put_back == ["a"]
        work.steps = 1
        async with place.bot():
            work.add("b")
            await work.until(lambda: work.outcomes)
        assert agent.worker_pids() == pids


async def test_a_host_that_loses_the_bot_stops_and_keeps_its_model(place: Place) -> None:
    work = place.work
    work.steps = 10_000
    with place.agents(SLOW, "home", flags=("--lease-seconds", "1.5")) as [agent]:
        async with place.bot() as rig:
            work.add("a")
            await work.until(lambda: work.progress)
            pids = agent.worker_pids()
            place.server.kill()
            await until(lambda: "nothing was heard from the bot for 1.5 s" in agent.log_text())
            place.server.start()
            work.steps = 1
            work.add("b")
            await work.until(lambda: work.outcomes)
            assert work.outcomes[0][1].job_id == "b"
            assert isinstance(work.deaths[0][1], HostLostError)
            assert agent.worker_pids() == pids
            assert rig.hub.is_connected


async def test_a_host_that_is_asked_to_leave_finishes(place: Place) -> None:
    work = place.work
    work.steps = 100
    with place.agents(SLOW, "home", "rack") as [home, rack]:
        async with place.bot() as rig:
            await work.until(lambda: work.recoveries == 2)
            work.add("a")
            await work.until(lambda: work.progress)
            busy = next(each.device for each in rig.pool.reports() if each.state == "busy")
            leaving, staying = (home, rack) if busy == "home.cpu" else (rack, home)
            leaving.send(signal.SIGTERM)
            await work.until(lambda: work.outcomes)
            await work.until(lambda: work.removed == [busy])
            work.steps = 1
            work.add("b")
            await work.until(lambda: len(work.outcomes) == 2)
            await until(lambda: leaving.process.poll() is not None)
            assert leaving.process.poll() == 0
            # once more, while it is at work: at once
            work.steps = 10_000
            work.add("c")
            await work.until(lambda: work.progress[-1].job_id == "c")
            staying.send(signal.SIGTERM)
            await until(lambda: "a second signal stops at once" in staying.log_text())
            staying.send(signal.SIGTERM)
            await until(lambda: staying.process.poll() is not None)
            await work.until(lambda: work.deaths)
    assert isinstance(work.outcomes[0][1], MadeFile)
    assert [type(death) for _, death in work.deaths] == [HostLostError]
    assert work.put_back == []
