"""Follows one result through the bot's files, from the job's completion until its row says done.

``follow(root)`` runs the bot of a checkout against this checkout's sandbox, with one /gif, and
returns the files in the order in which their functions were called. Run as a script, this module is
that bot, with a profiler in it; ``root`` comes first on its path, so this may be another version.

The path counts first calls only: a coroutine that goes on after waiting is no new step. It holds
what the delivery itself causes (its task, and threads and tasks started by it), not what the event
loop does meanwhile. It begins and ends with the file that called for the completion.
"""

from __future__ import annotations

import asyncio
import contextvars
import dis
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

# Where a delivery begins, newest version first: the file and the function.
BEGINNINGS = (
    ("bot/jobs/completion.py", "complete"),
    ("bot/jobs/completion.py", "made"),
    ("bot/jobs/finish.py", "made"),
)
# Rooms that carry a result. The others word it, draw it, log it, or put it on the wire.
CARRIERS = (
    "bot/jobs/",
    "bot/storage/",
    "bot/delivery/",
    "bot/workers/",
    "bot/policy/",
    "bot/ui/progress.py",  # the scheduler of edits, before it came to delivery
)
_PRODUCT = ("bot/", "generator/")
_GENERATOR_FLAG = 0x20 | 0x80 | 0x200  # of code that waits: CO_GENERATOR and its async kin
_WITHIN = 120.0  # seconds


@dataclass(frozen=True, slots=True)
class DeliveryPath:
    """The files that one delivery passes; ``steps`` has a file again where it is entered again."""

    steps: tuple[str, ...]

    @classmethod
    def through(cls, files: Sequence[str]) -> DeliveryPath:
        """A path of these files, with what stays in one file taken together."""
        kept = [each for at, each in enumerate(files) if not at or files[at - 1] != each]
        return cls(tuple(kept))

    def among(self, rooms: Sequence[str]) -> DeliveryPath:
        """The part of the path in files whose names begin so."""
        return self.through([each for each in self.steps if each.startswith(tuple(rooms))])

    @property
    def file_count(self) -> int:
        return len(set(self.steps))

    @property
    def return_count(self) -> int:
        """How often a file is entered that was left before."""
        return len(self.steps) - self.file_count


def follow(root: Path) -> DeliveryPath:
    """The path of one delivery by the bot in ``root``. Raises TimeoutError."""
    return asyncio.run(_follow(root.resolve()))


async def _follow(root: Path) -> DeliveryPath:
    from bot.sandbox import Sandbox

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        notes = directory / "path.json"
        async with Sandbox() as discord:
            config = directory / "config.toml"
            config.write_text(_config(directory, discord.token, discord.url), encoding="utf-8")
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", __file__, str(root), str(notes)),
                *("run", "--config", str(config)),
                cwd=root,
                env={**os.environ, "PYTHONPATH": str(root), "HOTSHOT_LOG__LEVEL": "WARNING"},
            )
            try:
                await discord.connected(_WITHIN)
                interaction = await discord.person("ada").slash("gif", prompt="a red ball")
                await interaction.message(lambda message: message.results, _WITHIN)
                files = await asyncio.to_thread(_read, notes)
            finally:
                if process.returncode is None:
                    process.terminate()
                await process.wait()
        return DeliveryPath.through(files)


def _read(notes: Path) -> list[str]:
    """What the bot notes, once it has. Raises TimeoutError."""
    deadline = time.monotonic() + _WITHIN
    while not notes.exists():
        if time.monotonic() > deadline:
            raise TimeoutError("no delivery was noted")
        time.sleep(0.05)
    return list(json.loads(notes.read_text(encoding="utf-8")))


def _config(directory: Path, token: str, url: str) -> str:
    return f"""
[discord]
token = "{token}"
base_url = "{url}"
[generator]
model = "hotshotco/Hotshot-XL"
devices = ["cpu"]
engine = "tests.bot.engines.draws:create"
[queue]
leave_seconds = 1
[storage]
data_dir = "{directory / "data"}"
"""


class _Profiler:
    """Notes each first call in a file of the product, once a delivery has begun."""

    def __init__(self, root: Path, notes: Path) -> None:
        self._prefix = f"{root}/"
        self._notes = notes
        self._files: list[str] = []
        self._delivering = contextvars.ContextVar("delivering", default=False)
        self._first: FrameType | None = None
        self._is_over = False

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        if self._is_over or event not in ("call", "return"):
            return
        file = frame.f_code.co_filename.removeprefix(self._prefix)
        if not file.startswith(_PRODUCT):
            return
        if event == "call":
            self._called(frame, file)
        elif frame is self._first and not _waits(frame):
            self._end()

    def _called(self, frame: FrameType, file: str) -> None:
        if self._first is None and (file, frame.f_code.co_name) in BEGINNINGS:
            self._first = frame
            self._delivering.set(True)  # inherited by threads and tasks that start from here
            self._files.append(self._caller(frame))
        if self._delivering.get() and not _goes_on(frame):
            self._files.append(file)

    def _caller(self, frame: FrameType) -> str:
        return frame.f_back.f_code.co_filename.removeprefix(self._prefix) if frame.f_back else ""

    def _end(self) -> None:
        self._is_over = True
        written = self._notes.with_suffix(".part")
        written.write_text(json.dumps([*self._files, self._files[0]]), encoding="utf-8")
        written.rename(self._notes)


def _goes_on(frame: FrameType) -> bool:
    """Whether this call resumes a coroutine or generator that waited."""
    code = frame.f_code
    return bool(code.co_flags & _GENERATOR_FLAG) and frame.f_lasti > _first_instruction(code)


def _first_instruction(code: CodeType) -> int:
    """Where the first RESUME stands: the profiler is told of a first call there."""
    return next(each.offset for each in dis.get_instructions(code) if each.opname == "RESUME")


def _waits(frame: FrameType) -> bool:
    return dis.opname[frame.f_code.co_code[frame.f_lasti]] == "YIELD_VALUE"


def main() -> int:
    """Runs the bot of the checkout in argv[1] under the profiler; notes go to argv[2]."""
    root, notes, *arguments = sys.argv[1:]
    profiler = _Profiler(Path(root), Path(notes))
    threading.setprofile(profiler)
    from bot.__main__ import main as hotshot_bot

    sys.setprofile(profiler)
    return int(hotshot_bot(arguments))


if __name__ == "__main__":
    sys.exit(main())
