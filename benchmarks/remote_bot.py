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
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import psutil
from aiohttp.test_utils import unused_port

from benchmarks.bot import megabytes
from benchmarks.process import running
from benchmarks.remote_hosts import agents
from benchmarks.sleeper import STEP_SECONDS
from benchmarks.table import print_table
from bot.core import machine
from bot.sandbox import Sandbox

_WITHIN = 300.0
_PEOPLE = 200


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
        began, busy = time.perf_counter(), _cpu(process)
        count = int(rate * seconds)
        for number, person in zip(range(count), itertools.cycle(people), strict=False):
            await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
            await person.slash("gif", prompt="x", steps=1)
        used, passed = _cpu(process) - busy, time.perf_counter() - began
        return used / passed, used / count, process.memory_info().rss


async def _carried(workers: int, each: int) -> tuple[float, float]:
    """Return jobs of one second that are made in a second, and the bot's CPU share."""
    async with _bot(workers) as (discord, process, directory):
        people = [discord.person(f"person{number}") for number in range(_PEOPLE)]
        count, steps = workers * each, round(1 / STEP_SECONDS)
        for _, person in zip(range(count), itertools.cycle(people), strict=False):
            await person.slash("gif", prompt="y", steps=steps)
        began, busy, before = time.perf_counter(), _cpu(process), _done(directory)
        # the first and the last ones aren't everybody's
        await asyncio.sleep(each * 0.6)
        passed = time.perf_counter() - began
        return (_done(directory) - before) / passed, (_cpu(process) - busy) / passed


def _done(directory: Path) -> int:
    with closing(sqlite3.connect(directory / "data" / "hotshot.db")) as connection:
        [found] = connection.execute("SELECT count(*) FROM jobs WHERE state = 'done'").fetchone()
        return int(found)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def measure_bot(*, most_workers: int, seconds: float, each_makes: int) -> None:
    """Measure and print: ``seconds`` of commands, then ``each_makes`` jobs of each worker."""
    beside = min(16, most_workers)
    share, each, memory = machine.run_event_loop(_cost(beside, 200, seconds))
    print_table(
        f"a bot with {beside} workers on hosts, at 200 commands a second",
        ("", "measured"),
        [
            ("the bot's CPU", f"{share:.0%} of a core"),
            ("the same a command", f"{each * 1000:.1f} ms"),
            ("memory at the end", megabytes(memory)),
        ],
    )
    rows = []
    for workers in (each for each in (1, 4, 16, 32) if each <= most_workers):
        rate, busy = machine.run_event_loop(_carried(workers, each_makes))
        rows.append((str(workers), f"{rate:.1f}", f"{rate / workers:.2f}", f"{busy:.0%}"))
    heads = ("workers", "jobs a second", "of ideal", "the bot's CPU")
    print_table(f"jobs of 1 s, the whole bot, {os.cpu_count()} cores", heads, rows)
