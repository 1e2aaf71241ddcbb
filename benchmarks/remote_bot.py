"""A whole bot whose workers are all on GPU hosts: what it costs, and how many jobs it carries.

The bot runs as its users run it, against the sandbox in this process. ``benchmarks.remote`` prints
it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil
from aiohttp.test_utils import unused_port

from benchmarks.bot import megabytes
from benchmarks.process import running
from benchmarks.remote_hosts import PARTS, agents, cpu_by_part, cpu_seconds
from benchmarks.sleeper import STEP_SECONDS
from benchmarks.table import print_table
from bot.core import machine
from bot.sandbox import Sandbox

_WITHIN = 300.0
_PEOPLE = 200
_UNFINISHED = 4  # jobs for each worker: one that it makes, and others that wait or are sent
_MOST_AT_ONCE = 10  # commands; a crowd would have the bot answer, and its workers wait
_LOOK_SECONDS = 0.2
_TAIL_SECONDS = 5.0  # until what was made within the time is delivered
_PARTS = (*PARTS, "sandbox")


@asynccontextmanager
async def _bot(workers: int) -> AsyncIterator[tuple[Sandbox, psutil.Process, Path]]:
    """A connected bot with so many workers on hosts, all ready."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with Sandbox() as discord:
            config = directory / "config.toml"
            config.write_text(
                f"""
[discord]
token = "{discord.token}"
base_url = "{discord.url}"
[generator]
model = "nano"
devices = []
[storage]
data_dir = "{directory / "data"}"
[queue]
size = 100_000
per_user = 10_000
per_user_second = 100
[remote]
listen = "127.0.0.1:{unused_port()}"
"""
            )
            async with (
                running(config, discord) as (_, process),
                agents(config, directory, workers),
            ):
                person = discord.person("warm")
                for _ in range(workers):
                    sent = await person.slash("gif", prompt="warm", steps=1)
                    await sent.message(lambda message: message.results, _WITHIN)
                yield discord, process, directory


async def _cost(workers: int, rate: int, seconds: float) -> tuple[float, float, int]:
    """Return the CPU share and seconds a command, and the memory, at so many commands a second."""
    async with _bot(workers) as (discord, process, _):
        people = [discord.person(f"person{number}") for number in range(_PEOPLE)]
        began, busy = time.perf_counter(), cpu_seconds(process)
        count = int(rate * seconds)
        for number, person in zip(range(count), itertools.cycle(people), strict=False):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            await person.slash("gif", prompt="x", steps=1)
        used, passed = cpu_seconds(process) - busy, time.perf_counter() - began
        return used / passed, used / count, process.memory_info().rss


@dataclass(frozen=True, slots=True)
class Carried:
    """What a bot carried of jobs of one second, of which there were always some that waited.

    ``at_work`` is the share of the workers' time that they were at a job; ``cpu`` are the seconds
    of a core that each part took in a second.
    """

    workers: int
    a_second: float
    at_work: float
    cpu: Mapping[str, float]


async def _carried(workers: int, seconds: float) -> Carried:
    async with _bot(workers) as (discord, process, directory):
        is_warm = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            feeding = group.create_task(_feed(discord, directory, workers, is_warm))
            async with asyncio.timeout(_WITHIN):
                await is_warm.wait()
            began, busy = time.time(), _cpu(process)
            await asyncio.sleep(seconds)
            ended, spent = time.time(), _cpu(process)
            await asyncio.sleep(_TAIL_SECONDS)
            feeding.cancel()
        shares = [job.share_within(began, ended) for job in _made(directory, workers)]
    passed = ended - began
    return Carried(
        workers,
        sum(share for share, _ in shares) / passed,
        sum(at_work for _, at_work in shares) / passed / workers,
        {part: (spent[part] - busy[part]) / passed for part in _PARTS},
    )


async def _feed(discord: Sandbox, directory: Path, workers: int, is_warm: asyncio.Event) -> None:
    """Ask for as many jobs as were delivered, so that there are always enough, and no crowd.

    At first workers know no job's length, and the bot is busy with commands alone.
    """
    people = itertools.cycle([discord.person(f"person{number}") for number in range(_PEOPLE)])
    asked, steps = 0, round(1 / STEP_SECONDS)
    while True:
        made = len(_made(directory, workers))
        if made >= _UNFINISHED * workers:
            is_warm.set()
        wanted = min(_UNFINISHED * workers + made - asked, _MOST_AT_ONCE)
        for person in itertools.islice(people, max(0, wanted)):
            await person.slash("gif", prompt="y", steps=steps)
            asked += 1
        await asyncio.sleep(_LOOK_SECONDS)


@dataclass(frozen=True, slots=True)
class _Made:
    """A job that was delivered: until when, and how long a worker was at it."""

    until: float
    seconds: float

    def share_within(self, began: float, ended: float) -> tuple[float, float]:
        """Return how much of it, and how many of its seconds, lie between two moments: jobs that
        end in step would count whole by chance.
        """
        within = min(self.until, ended) - max(self.until - self.seconds, began)
        return max(0.0, within) / self.seconds, max(0.0, within)


def _made(directory: Path, first: int) -> list[_Made]:
    """Return the jobs that were delivered, without the ``first`` ones."""
    with closing(sqlite3.connect(directory / "data" / "hotshot.db")) as connection:
        asked = "SELECT finished_at, seconds FROM jobs WHERE state = 'done' AND number > ?"
        rows = connection.execute(asked, (first,)).fetchall()
    return [_Made(datetime.fromisoformat(at).timestamp(), seconds) for at, seconds in rows]


def _cpu(bot: psutil.Process) -> dict[str, float]:
    return cpu_by_part(bot) | {"sandbox": cpu_seconds(psutil.Process())}


def measure_commands(workers: int, seconds: float) -> None:
    """Measure and print what many commands a second cost."""
    share, each, memory = machine.run_event_loop(_cost(workers, 200, seconds))
    print_table(
        f"a bot with {workers} workers on hosts, at 200 commands a second",
        ("", "measured"),
        [
            ("the bot's CPU", f"{share:.0%} of a core"),
            ("the same a command", f"{each * 1000:.1f} ms"),
            ("memory at the end", megabytes(memory)),
        ],
    )


def measure_bot(counts: Sequence[int], seconds: float) -> None:
    """Measure and print how many jobs of 1 s a bot with so many workers carries."""
    rows = [_row(machine.run_event_loop(_carried(count, seconds))) for count in counts]
    heads = (
        "workers",
        "jobs a second",
        "of ideal",
        "at work",
        *(f"CPU: {part}" for part in _PARTS),
    )
    print_table(f"jobs of 1 s, the whole bot, {os.cpu_count()} cores", heads, rows)


def _row(carried: Carried) -> tuple[str, ...]:
    a_second = carried.a_second
    return (
        str(carried.workers),
        f"{a_second:.1f}",
        f"{a_second / carried.workers:.2f}",
        f"{carried.at_work:.0%}",
        *(
            f"{carried.cpu[part]:.0%}, {carried.cpu[part] / a_second * 1000:.1f} ms a job"
            for part in _PARTS
        ),
    )
