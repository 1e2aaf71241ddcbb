"""Hosts that lie, come late, ask for what isn't theirs or talk without end: nobody else is hurt."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bot.storage.database import open_database
from bot.storage.models import State
from bot.workers.remote.hub import RemoteWorker
from bot.workers.remote.reports import host_reports
from generator.contract import subjects
from generator.contract.errors import Failure, FailureKind
from generator.contract.file_reference import FileReference
from generator.contract.messages import Failed, Finished, Generate, Lora, Progress
from generator.contract.remote import pack
from generator.contract.text import Text
from generator.contract.wire import WIRE_VERSION
from tests.bot.jobs.rig import JobRig, RecordingNotifier
from tests.bot.jobs.samples import REQUEST
from tests.bot.workers.remote.forged import ForgedHost, forged_host
from tests.bot.workers.remote.rig import bot_of, server_of
from tests.bot.workers.remote.server import NatsServer
from tests.patience import until


@pytest.fixture(autouse=True)
def _logged(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever level tests of other rooms have left behind."""
    caplog.set_level(logging.INFO, logger="bot")


@dataclass
class Scene:
    rig: JobRig
    server: NatsServer
    host: ForgedHost
    alive: Any


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A job service, its hub, and a host that a test plays."""
    async with _scene(tmp_path) as made:
        yield made


@asynccontextmanager
async def _scene(tmp_path: Path) -> AsyncIterator[Scene]:
    with server_of(tmp_path, "home", "evil") as server:
        async with open_database(f"sqlite:///{tmp_path / 'test.db'}") as database:
            rig = JobRig(database, tmp_path, RecordingNotifier())
            files = tmp_path / "blobs"
            async with (
                bot_of(server, rig.jobs, files, rig.scratch, lost_after=2.0) as alive,
                forged_host(server, "home") as host,
            ):
                yield Scene(rig, server, host, alive)
            await rig.jobs.close()


def named(data: bytes, suffix: str = ".gif") -> FileReference:
    return FileReference(hashlib.sha256(data).hexdigest(), suffix)


async def made(host: ForgedHost, job: Generate, data: bytes) -> Finished:
    reference = named(data)
    assert await host.upload(job, reference.name, data) == {"done": True}
    return Finished(job.job_id, job.attempt, reference, 0.1, len(data))


async def test_a_late_finished_of_an_old_attempt_is_not_heard(scene: Scene) -> None:
    """The link is cut while a job is made and heals: both attempts come in, one is delivered."""
    job = await scene.rig.accept()
    first = await scene.host.at_work()
    late = await made(scene.host, first, b"first")
    old_session = scene.host.sessions[-1]
    scene.host.is_silent = True
    await scene.rig.row_in(job, State.QUEUED)
    scene.host.is_silent = False
    second = await scene.host.at_work(2)
    assert (first.attempt, second.attempt) == (1, 2)
    scene.host.say(late, old_session)
    scene.host.say(late)
    finished = await made(scene.host, second, b"second")
    scene.host.say(finished)
    done = await scene.rig.until(job, State.DONE)
    scene.host.say(finished)
    scene.host.say(late)
    await asyncio.sleep(0.3)
    assert (done.attempt, done.crashes) == (2, 0)
    assert scene.rig.notifier.delivered == [(job.id, "second", False)]


async def test_a_host_is_served_what_its_job_names_and_only_there(scene: Scene) -> None:
    mine = scene.rig.blobs.put(b"weights", ".safetensors")
    others = scene.rig.blobs.put(b"somebody else's", ".safetensors")
    async with scene.rig.accepting(request=replace(REQUEST, loras=(Lora(mine),))):
        pass
    job = await scene.host.at_work()
    blob = subjects.blob("home")
    head = scene.host.head(job, mine)
    assert await scene.host.ask(blob, head) == {"size": 7}
    wrong: list[dict[str, Any]] = [
        {"file": others},
        {"file": "../../etc/passwd"},
        {"attempt": 2},
        {"job": "b" * 32},
        {"session": "0"},
        {"device": "cuda0"},
        {"file": None},
        {"offset": -1},
    ]
    for change in wrong:
        assert "refused" in await scene.host.ask(blob, head | change), change
    # where an answer would come to another is no answer at all
    heard: list[bytes] = []
    async with forged_host(scene.server, "evil") as evil:
        await evil._client.subscribe("_INBOX.evil.x", cb=_keep(heard))
        await scene.host._client.publish(blob, pack(head), reply="_INBOX.evil.x")
        await scene.host._client.publish(blob, pack(head), reply="hs.to.evil.cpu")
        assert "refused" in await evil.ask(subjects.blob("evil"), head)
        assert await scene.host.ask(blob, head) == {"size": 7}
        await evil._client.flush()
    assert heard == []


def _keep(heard: list[bytes]) -> Any:
    async def keep(message: Any) -> None:
        heard.append(message.data)

    return keep


async def test_a_file_comes_whole_or_not_at_all(scene: Scene) -> None:
    job_row = await scene.rig.accept()
    job = await scene.host.at_work()
    name = named(b"whole").name
    assert await scene.host.upload(job, name, b"holey") == {"damaged": True}
    head = scene.host.head(job, name, 5)
    put = subjects.put("home")
    assert await scene.host.ask(put, head, b"wh") == {"offset": 2}
    assert await scene.host.ask(put, head | {"offset": 3}, b"le") == {"offset": 2}  # not its turn
    assert await scene.host.ask(put, head | {"offset": 2}, b"ole and more") == {"damaged": True}
    for change in ({"file": named(b"whole", ".sh").name}, {"size": 2**40}, {"file": "../x.gif"}):
        assert "refused" in await scene.host.ask(put, head | change, b"whole")
    # one that says it is through, and isn't
    scene.host.say(Finished(job.job_id, job.attempt, named(b"whole"), 0.1, 5))
    failed = await scene.rig.until(job_row, State.FAILED)
    assert failed.error == "A GPU host says that a GIF is finished, but hasn't sent it."
    assert list(scene.rig.scratch.iterdir()) == []


async def test_what_is_said_of_a_job_is_bounded(scene: Scene) -> None:
    """Templates that reach into Python or fill memory are quoted; wild numbers are refused."""
    job_row = await scene.rig.accept()
    job = await scene.host.at_work()
    for step, steps in ((5, 3), (-1, 3), (1, 10**12)):
        scene.host.say(Progress(job.job_id, job.attempt, "denoise", step, steps))
    scene.host.say(Progress(job.job_id, job.attempt, "@everyone", 1, 3))
    trick = Text("{a.__class__} {a:>99999999}", a="x")
    scene.host.say(Failed(job.job_id, job.attempt, Failure(FailureKind.MODEL, trick)))
    failed = await scene.rig.until(job_row, State.FAILED)
    assert failed.error == "{a.__class__} {a:>99999999}"
    assert scene.rig.jobs.status(job_row.id) is None


async def test_other_versions_are_refused_with_one_line(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with forged_host(scene.server, "evil") as evil:
        evil.hello = replace(evil.hello, wire=99, package="9.9")
        await until(lambda: evil.refusals)
        for _ in range(3):
            evil.publish(subjects.HELLO, b"\xff")
            evil.publish(subjects.EVENT, b"[" * 100_000)
        await asyncio.sleep(1)
        assert "the host speaks version 99 and the bot 1 (9.9, " in evil.refusals[0]
        lines = [each.message for each in caplog.records if "speaks version" in each.message]
        assert evil.sessions == []
        [worker] = [each for each in scene.alive.hub.workers() if each.host == "evil"]
        assert "speaks version 99" in _report_of(worker)
        evil.hello = replace(evil.hello, wire=WIRE_VERSION, boot="2")  # somebody did as it said
        await until(lambda: evil.sessions)
        assert _report_of(worker) == ""
    assert len(lines) == 1


def _report_of(worker: RemoteWorker) -> str:
    [report] = host_reports([worker], ["evil"])
    return report.refusal


def test_a_refusal_is_shown_until_it_is_mended() -> None:
    worker = RemoteWorker("evil", "cpu", refused="no object", refused_at=time.monotonic())
    assert _report_of(worker) == "no object"
    worker.refused_at -= 61
    assert _report_of(worker) == ""


async def test_another_model_of_the_same_name_is_refused_by_both_names(scene: Scene) -> None:
    await until(lambda: [each.state for each in scene.alive.pool.reports()] == ["idle"])
    async with forged_host(scene.server, "evil") as evil:
        evil.model_hash = "0" * 16
        await until(lambda: scene.rig.notifier.alerts)
        assert "evil.cpu has another model under the name nano than the bot" in str(
            scene.rig.notifier.alerts
        )
        job_row = await scene.rig.accept()  # the other host goes on
        job = await scene.host.at_work()
        scene.host.say(await made(scene.host, job, b"done"))
        await scene.rig.until(job_row, State.DONE)
        assert evil.jobs == []


async def test_ten_thousand_hellos_disturb_nobody(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    async with forged_host(scene.server, "evil") as evil:
        await until(lambda: any(each.host == "evil" for each in scene.alive.hub.workers()))
        for number in range(100):
            evil.device = f"cuda{number}"
            evil.publish(subjects.HELLO, pack(evil.hello.to_dict()))
        evil.device = "cpu"
        await until(lambda: len(scene.alive.hub.workers()) > 32)
        for number in range(10_000):
            evil.publish(subjects.HELLO, pack(evil.hello.to_dict() | {"boot": str(number)}))
        job_row = await scene.rig.accept()
        await until(lambda: scene.host.jobs or evil.jobs)
        at_work = scene.host if scene.host.jobs else evil
        evil.is_silent = at_work is evil
        job = await scene.host.at_work()
        scene.host.say(await made(scene.host, job, b"done"))
        await scene.rig.until(job_row, State.DONE)
    lines = [
        each.message for each in caplog.records if "sends more than the bot reads" in each.message
    ]
    assert lines == ["evil.cpu sends more than the bot reads (hello)"]
    assert sum(each.host == "evil" for each in scene.alive.hub.workers()) == 32


async def test_the_second_machine_that_comes_by_a_join_line_is_told_so_and_takes_nothing(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    async with forged_host(scene.server, "evil") as first:
        await until(lambda: first.sessions)
        async with forged_host(scene.server, "evil") as second:
            second.hello = replace(second.hello, boot="2")
            await until(lambda: second.refusals)
            assert "two machines connected with the same join line" in second.refusals[0]
            assert len(first.sessions) == 1
            first.is_silent = True  # it is gone: the second is as good as any
            await until(lambda: len(second.sessions) == 1)
    assert caplog.text.count("two machines connected") == 1
