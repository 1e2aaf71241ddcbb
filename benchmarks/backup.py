"""Whether anybody feels a backup: 100,000 jobs and 2 GB of files, while commands come.

The bot runs as its users run it, and ``hotshot-bot backup`` beside it, first into a file, then
twice into a directory, all on one disk. First answers are measured before, and during each; the
archive is restored at the end. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, update

from benchmarks.bot import milliseconds, quantile
from benchmarks.library import add_jobs
from benchmarks.load import type_commands
from benchmarks.process import running, write_config
from benchmarks.table import print_table
from bot.sandbox import Person, Sandbox
from bot.storage.blobs import BlobStore
from bot.storage.database import Database, open_database
from bot.storage.tables import jobs

_AT_ONCE = 1000  # rows in one statement
_PIECE = 20  # commands that are typed before it is looked whether the backup is done
_WITHIN = 60.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much there is, and how many commands come in a second."""

    jobs: int = 100_000
    files: int = 2000
    file_bytes: int = 1_000_000
    rate: int = 50


@dataclass(slots=True)
class Phase:
    """What was measured while something went on; seconds."""

    name: str
    seconds: float = 0.0
    answers: list[float] = field(default_factory=list)
    unanswered: int = 0

    def row(self) -> tuple[str, ...]:
        return (
            self.name,
            f"{self.seconds:.1f} s",
            str(len(self.answers)),
            str(self.unanswered),
            milliseconds(quantile(self.answers, 0.5)),
            milliseconds(quantile(self.answers, 0.99)),
            milliseconds(max(self.answers, default=0.0)),
        )


async def measure(size: Size, place: Path | None) -> list[Phase]:
    """Fill, type alone, and type beside each backup."""
    with tempfile.TemporaryDirectory(dir=place) as name:
        directory = Path(name)
        (directory / "data").mkdir()
        await _fill(directory / "data", size)
        async with Sandbox() as discord:
            config = write_config(
                directory, discord, "[queue]", "size = 100_000", "per_user = 10_000",
                engine="benchmarks.sleeper:create",
            )  # fmt: skip
            people = [discord.person(f"person{number}") for number in range(500)]
            async with running(config, discord):
                await discord.commands_registered(_WITHIN)
                phases = [await _beside(size, people, "no backup", asyncio.sleep(10))]
                for what, target in (
                    ("into a file", f"{directory}/backup.tar"),
                    ("into an empty directory", f"{directory}/all/"),
                    ("into the same directory", f"{directory}/all/"),
                ):
                    work = _command("backup", target, "--config", str(config))
                    phases.append(await _beside(size, people, f"backup {what}", work))
        restored = Phase("restore of the file")
        began = time.perf_counter()
        (directory / "new").mkdir()
        other = write_config(directory / "new", discord)
        await _command("restore", f"{directory}/backup.tar", "--config", str(other))
        restored.seconds = time.perf_counter() - began
        return [*phases, restored]


async def _beside(size: Size, people: Sequence[Person], name: str, work: Any) -> Phase:
    """Have people type while something goes on."""
    phase, began = Phase(name), time.perf_counter()
    going_on = asyncio.ensure_future(work)
    going_on.add_done_callback(lambda _: setattr(phase, "seconds", time.perf_counter() - began))
    sent = []
    while not going_on.done():
        sent += await type_commands(people, size.rate, _PIECE)
    await going_on
    await asyncio.sleep(3)
    phase.answers = [each.latency for each in sent if each.latency is not None]
    phase.unanswered = len(sent) - len(phase.answers)
    return phase


async def _command(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bot", *arguments)
    if await process.wait():
        raise RuntimeError(f"hotshot-bot {arguments[0]} failed")


async def _fill(data: Path, size: Size) -> None:
    blobs = BlobStore(data / "blobs")
    names = [blobs.put(os.urandom(size.file_bytes), ".gif") for _ in range(size.files)]
    async with open_database(f"sqlite:///{data / 'hotshot.db'}") as database:
        await _fill_jobs(database, size.jobs)
        await database.write(_name_files, names)


async def _fill_jobs(database: Database, count: int) -> None:
    """Add jobs that are done, of one person."""
    for start in range(0, count, _AT_ONCE):
        await database.write(add_jobs, 7, range(start, min(start + _AT_ONCE, count)))


def _name_files(connection: Connection, names: list[str]) -> None:
    for number, name in enumerate(names, start=1):
        connection.execute(update(jobs).where(jobs.c.number == number).values(output=name))


def main() -> None:
    """Measures and prints."""
    standard = Size()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backup", description=__doc__)
    parser.add_argument("--jobs", type=int, default=standard.jobs)
    parser.add_argument("--files", type=int, default=standard.files)
    parser.add_argument("--file-bytes", type=int, default=standard.file_bytes)
    parser.add_argument("--rate", type=int, default=standard.rate, help="commands a second")
    parser.add_argument("--place", type=Path, help="a directory for all of it (default: /tmp)")
    chosen = vars(parser.parse_args())
    place = chosen.pop("place")
    size = Size(**chosen)
    print_table(
        f"A backup of {size.jobs:,} jobs and {size.files * size.file_bytes / 1e9:.1f} GB, "
        f"{size.rate} commands a second (goal: none later than 100 ms)",
        ("", "took", "answers", "none within 3 s", "p50", "p99", "latest"),
        [phase.row() for phase in asyncio.run(measure(size, place))],
    )


if __name__ == "__main__":
    main()
