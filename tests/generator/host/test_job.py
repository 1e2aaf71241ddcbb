"""A job on a GPU host that ends otherwise than by its worker."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from generator.contract.errors import FailureKind
from generator.contract.file_reference import FileReference
from generator.contract.messages import (
    Cancelled,
    Command,
    Failed,
    Finished,
    Generate,
    JobEvent,
    Request,
)
from generator.contract.remote import CHUNK_BYTES, CHUNKS_IN_FLIGHT, pack, unpack
from generator.host.batch import Batch, BatchDesk
from generator.host.cache import FileCache
from generator.host.job import HostJob
from generator.host.place import HostPlace
from generator.link.lasting import LastingLink
from tests.patience import until

GENERATE = Generate(
    "a", 1, Request(prompt="x", seed=1, width=64, height=64, steps=1, guidance_scale=1.0), ".gif"
)


class Bot:
    """A bot that has nothing yet of the file that it is told of."""

    async def request(self, subject: str, frame: bytes, seconds: float) -> bytes:
        return pack({"offset": 0})


class Scene:
    """``sent`` is what a job's worker was told, ``said`` what the bot was."""

    def __init__(
        self, directory: Path, bot: Bot | None = None, *, image: str = "", cache_bytes: int = 0
    ) -> None:
        cache = FileCache(directory, cache_bytes)
        cache.open()
        self.place = HostPlace(
            host="home",
            link=cast(LastingLink, bot or Bot()),
            cache=cache,
            outputs=directory,
            memory_limit=0,
            lease=1.0,
        )
        self.job_file = image
        generate = replace(GENERATE, request=replace(GENERATE.request, image=image))
        self.sent: list[Command] = []
        self.said: list[Any] = []
        self.job = self.job_of(generate)
        self.events: list[JobEvent] = []

    def job_of(self, generate: Generate, batch: Batch | None = None) -> HostJob:
        return HostJob(
            generate,
            self.place,
            head={"job": generate.job_id},
            batch=batch or Batch(1, self._send),
            send=self._send,
            insist=self.said.append,
            say=self.said.append,
        )

    def _send(self, command: Command) -> None:
        self.sent.append(command)
        for event in self.events:
            self.job.hear(event)


async def test_one_that_is_cancelled_as_it_comes_is_not_begun(tmp_path: Path) -> None:
    """Both messages arrive at once where the line was down."""
    scene = Scene(tmp_path)
    scene.job.cancel()
    await scene.job.run()
    assert (scene.sent, scene.said) == ([], [Cancelled("a", 1)])


class GenerousBot(Bot):
    """Has a file of three bytes, whatever it is asked for."""

    async def request(self, subject: str, frame: bytes, seconds: float) -> bytes:
        return pack({"size": 3}, b"abc")


async def test_a_full_disk_is_said_and_nothing_half_is_left(tmp_path: Path) -> None:
    scene = Scene(tmp_path, GenerousBot(), image="0" * 64 + ".png", cache_bytes=100)
    (tmp_path / "parts" / scene.job_file).symlink_to("/dev/full")
    await scene.job.run()
    [failed] = scene.said
    assert isinstance(failed, Failed)
    assert failed.failure.kind is FailureKind.DISK
    assert str(failed.failure) == ("The disk of the GPU host is full, so this can't be made there.")
    left = [*scene.sent, *(tmp_path / "parts").iterdir(), *(tmp_path / "files").iterdir()]
    assert left == []


async def test_files_that_do_not_fit_are_for_another_host(tmp_path: Path) -> None:
    scene = Scene(tmp_path, GenerousBot(), image="0" * 64 + ".png", cache_bytes=2)
    await scene.job.run()
    [failed] = scene.said
    assert isinstance(failed, Failed)
    assert failed.failure.kind is FailureKind.HOST_FULL
    assert "doesn't fit into the cache" in str(failed.failure)
    assert [*scene.sent, *(tmp_path / "parts").iterdir()] == []


async def test_one_whose_file_is_gone_fails(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.events = [Finished("a", 1, FileReference("0" * 64, ".gif"), 1.0, 3)]
    await scene.job.run()
    [failed] = scene.said
    assert isinstance(failed, Failed)
    assert failed.failure.kind is FailureKind.DISK
    assert "can't be read on the GPU host (No such file or directory)" in str(failed.failure.text)


class TakingBot(Bot):
    """Takes each chunk after a moment; ``taken`` is of which job each was."""

    def __init__(self) -> None:
        self.taken: list[str] = []

    async def request(self, subject: str, frame: bytes, seconds: float) -> bytes:
        values, body = unpack(frame)
        self.taken.append(values["job"])
        await asyncio.sleep(0)
        end = values["offset"] + len(body)
        return pack({"done": True} if end == values["size"] else {"offset": end})


async def test_files_go_up_one_after_the_other(tmp_path: Path) -> None:
    bot, size = TakingBot(), CHUNK_BYTES * (CHUNKS_IN_FLIGHT + 1)
    scene = Scene(tmp_path, bot)
    jobs = []
    for job_id in "ab":
        (tmp_path / f"{job_id}-1.gif").write_bytes(bytes(size))
        jobs.append(scene.job_of(replace(GENERATE, job_id=job_id)))
        jobs[-1].hear(Finished(job_id, 1, FileReference("0" * 64, ".gif"), 1.0, size))
    await asyncio.gather(*(job.run() for job in jobs))
    assert bot.taken == ["a"] * (CHUNKS_IN_FLIGHT + 1) + ["b"] * (CHUNKS_IN_FLIGHT + 1)


def batch_of(count: int) -> list[Generate]:
    """As the bot says them."""
    names = "abcd"[:count]
    return [
        replace(GENERATE, job_id=name, companions=count - number)
        for number, name in enumerate(names, start=1)
    ]


async def test_a_worker_hears_of_a_batch_at_once_without_those_that_are_cancelled(
    tmp_path: Path,
) -> None:
    scene, desk = Scene(tmp_path), BatchDesk()
    a, b, c = batch_of(3)
    jobs = [scene.job_of(each, desk.batch_of(each, scene.sent.append)) for each in (a, b, c)]
    running = [asyncio.create_task(jobs[at].run()) for at in (2, 0)]
    await until(lambda: jobs[0].is_sent and jobs[2].is_sent)
    assert scene.sent == []
    jobs[1].cancel()
    await jobs[1].run()
    assert scene.said == [Cancelled("b", 1)]
    assert scene.sent == [replace(a, companions=1), replace(c, companions=0)]
    for job in jobs:
        job.abandon()
    await asyncio.gather(*running)


def test_which_jobs_are_a_batch_is_told_by_their_order() -> None:
    sent: list[Generate] = []
    desk = BatchDesk()
    for job in (*batch_of(2), GENERATE, *batch_of(3)[:1]):
        desk.batch_of(job, sent.append).hand_over(job)
    assert [(job.job_id, job.companions) for job in sent] == [("a", 1), ("b", 0), ("a", 0)]
    desk.leave_out()  # one that can't be read
    desk.leave_out()
    assert [job.companions for job in sent] == [1, 0, 0, 0]
    unfinished = batch_of(2)[0]
    desk.batch_of(unfinished, sent.append).hand_over(unfinished)
    desk.clear()  # its session is over
    desk.batch_of(GENERATE, sent.append).hand_over(GENERATE)
    assert sent[4:] == [GENERATE]
