"""A job on a GPU host that ends otherwise than by its worker."""

from __future__ import annotations

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
from generator.contract.remote import pack
from generator.host.cache import FileCache
from generator.host.job import HostJob
from generator.host.place import HostPlace
from generator.link.lasting import LastingLink

GENERATE = Generate(
    "a", 1, Request(prompt="x", seed=1, width=64, height=64, steps=1, guidance_scale=1.0), ".gif"
)


class Bot:
    """A bot that has nothing yet of the file that it is told of."""

    async def request(self, subject: str, frame: bytes, seconds: float) -> bytes:
        return pack({"offset": 0})


class Scene:
    """``sent`` is what a job's worker was told, ``said`` what the bot was."""

    def __init__(self, directory: Path) -> None:
        cache = FileCache(directory, 0)
        cache.open()
        place = HostPlace(
            host="home",
            link=cast(LastingLink, Bot()),
            cache=cache,
            outputs=directory,
            memory_limit=0,
            lease=1.0,
        )
        self.sent: list[Command] = []
        self.said: list[Any] = []
        self.job = HostJob(
            GENERATE, place, head={}, send=self._send, insist=self.said.append, say=self.said.append
        )
        self.events: list[JobEvent] = []

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


async def test_one_whose_file_is_gone_fails(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.events = [Finished("a", 1, FileReference("0" * 64, ".gif"), 1.0, 3)]
    await scene.job.run()
    [failed] = scene.said
    assert isinstance(failed, Failed)
    assert failed.failure.kind is FailureKind.DISK
    assert "can't be read on the GPU host (No such file or directory)" in str(failed.failure.text)
