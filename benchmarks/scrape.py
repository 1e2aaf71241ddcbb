"""``python -m benchmarks.scrape``: how long Prometheus waits for the bot's figures.

The real bot in the sandbox, with a history, a queue and a worker that keeps the cores busy.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import socket
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from benchmarks.bot import milliseconds, quantile
from benchmarks.library import fill
from benchmarks.process import running, write_config
from benchmarks.table import print_table
from bot.sandbox import Sandbox

_PEOPLE = 100
_AT_ONCE = 10  # commands that wait for their answers
_BUSY_STEPS = 100
_WITHIN = 300.0  # seconds
_QUEUED = re.compile(r'^hotshot_jobs\{owner="people",state="queued"\} (\S+)$', re.MULTILINE)


@dataclass
class Figures:
    """Seconds of each scrape, and the size of the last one."""

    seconds: list[float] = field(default_factory=list)
    size_bytes: int = 0
    series: int = 0
    queued: int = 0


async def measure(rounds: int, history: int, waiting: int) -> Figures:
    """Scrape a busy bot again and again."""
    figures = Figures()
    with tempfile.TemporaryDirectory() as name:
        directory, port = Path(name), _free_port()
        async with Sandbox() as discord:
            people = [discord.person(f"person{number}") for number in range(_PEOPLE)]
            config = write_config(
                directory,
                discord,
                *("[queue]", "size = 100_000", "per_user = 10_000"),
                *("[metrics]", f'listen = "127.0.0.1:{port}"'),
            )
            (directory / "data").mkdir()
            await fill(directory / "data", people[0], 0, history)
            async with running(config, discord), aiohttp.ClientSession() as client:
                await discord.commands_registered(_WITHIN)
                for number in range(waiting):
                    person = people[number % _PEOPLE]
                    sent = await person.slash("gif", prompt=f"number {number}", steps=_BUSY_STEPS)
                    if number % _AT_ONCE == 0:
                        await sent.acknowledged(_WITHIN)
                url = f"http://127.0.0.1:{port}/metrics"
                await _until_queued(client, url, waiting - 10)
                for _ in range(rounds):
                    await _scrape(client, url, figures)
                    await asyncio.sleep(0.05)
    return figures


async def _until_queued(client: aiohttp.ClientSession, url: str, count: int) -> None:
    async with asyncio.timeout(_WITHIN):
        while (await _scrape(client, url, Figures())).queued < count:  # noqa: ASYNC110 - over HTTP
            await asyncio.sleep(0.2)


async def _scrape(client: aiohttp.ClientSession, url: str, figures: Figures) -> Figures:
    began = time.perf_counter()
    async with client.get(url) as answer:
        text = await answer.text()
    figures.seconds.append(time.perf_counter() - began)
    lines = text.splitlines()
    figures.size_bytes = len(text)
    figures.series = sum(not line.startswith("#") for line in lines)
    found = _QUEUED.search(text)
    figures.queued = int(float(found[1])) if found else 0
    return figures


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=10_000, help="in the history")
    parser.add_argument("--waiting", type=int, default=1000, help="in the queue")
    chosen = parser.parse_args()
    found = asyncio.run(measure(chosen.rounds, chosen.jobs, chosen.waiting))
    print_table(
        f"Prometheus asks a bot with {chosen.jobs:,} jobs in its history, {found.queued:,} in the "
        "queue, and a worker on all cores",
        ("", "measured", "goal"),
        [
            ("a scrape, p50", milliseconds(quantile(found.seconds, 0.5)), ""),
            ("a scrape, p99", milliseconds(quantile(found.seconds, 0.99)), "20 ms"),
            ("series; size", f"{found.series}; {found.size_bytes / 1024:.0f} KiB", ""),
        ],
    )


if __name__ == "__main__":
    main()
