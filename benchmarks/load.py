"""The bot under load: 200 commands a second from 500 people, and a start with 10,000 jobs waiting.

The bot runs as its users run it, against the sandbox in this process, while its worker keeps every
core busy; the sandbox shares the cores, so the figures are upper bounds. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.bot import megabytes, milliseconds, quantile
from benchmarks.process import running, write_config
from benchmarks.table import print_table
from bot.sandbox import Interaction, Person, Sandbox
from bot.sandbox.interactions import ANSWER_WITHIN, DEFERRED_MESSAGE

_WITHIN = 300.0  # seconds
_STEPS = 1  # of benchmarks.busy
_SPANS = 100  # jobs whose beginnings and ends are compared
_QUEUE = ("[queue]", "size = 100_000", "per_user = 10_000")


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much: ``rate`` commands a second from so many ``people`` for ``seconds``."""

    rate: int = 200
    seconds: float = 30.0
    people: int = 500
    waiting: int = 10_000  # jobs at the second start


@dataclass(slots=True)
class Figures:
    """Times in seconds, memory in bytes."""

    typed: int = 0
    lost: int = 0
    typing_seconds: float = 0.0
    answers: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    memory_before: int = 0
    memory_peak: int = 0
    waiting: int = 0
    connected: float = 0.0
    first_job: float = 0.0

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """What, measured, goal."""
        rate = self.typed / self.typing_seconds
        yield "commands", f"{self.typed} at {rate:.0f} a second", "200 a second"
        yield "of them lost", str(self.lost), "0"
        yield "first answer, p50", milliseconds(quantile(self.answers, 0.5)), ""
        yield "first answer, p99", milliseconds(quantile(self.answers, 0.99)), "< 100 ms"
        yield "the event loop is late, p50", milliseconds(quantile(self.lags, 0.5)), ""
        yield "the event loop is late, p99", milliseconds(quantile(self.lags, 0.99)), "< 20 ms"
        yield "memory before", megabytes(self.memory_before), ""
        yield "memory at most", megabytes(self.memory_peak), ""
        yield "a busy worker idle between two jobs, p50", _fine(quantile(self.pauses, 0.5)), ""
        yield "the same, p99", _fine(quantile(self.pauses, 0.99)), "< 20 ms"
        yield f"start with {self.waiting} jobs waiting: connected", f"{self.connected:.1f} s", ""
        yield "the same: the first job runs", f"{self.first_job:.1f} s", ""


async def measure(load: Load) -> Figures:
    """Two lives of one bot: it is flooded, killed, and started again."""
    figures = Figures()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        async with Sandbox() as discord:
            config = write_config(directory, discord, *_QUEUE)
            people = [discord.person(f"person{number}") for number in range(load.people)]
            lag = directory / "lag"
            module = ("benchmarks.lag", "--lag", str(lag))
            async with running(config, discord, *module, kill=True) as (_, process):
                await _flooded(load, figures, people, process, lag)
                await _pile_up(load, people, directory)
            figures.waiting = _waiting(directory)
            await _started_again(figures, discord, config)
    return figures


async def _flooded(
    load: Load, figures: Figures, people: Sequence[Person], process: psutil.Process, lag: Path
) -> None:
    await _made(await people[0].slash("gif", prompt="warm up", steps=_STEPS))
    figures.memory_before = process.memory_info().rss
    lags_before = len(_lags(lag))
    watching = asyncio.create_task(_watch_memory(figures, process))
    began = time.perf_counter()
    sent = await _type(people, load.rate, int(load.rate * load.seconds))
    figures.typing_seconds = time.perf_counter() - began
    await _answered(sent)
    watching.cancel()
    figures.lags = _lags(lag)[lags_before:]
    figures.typed = len(sent)
    accepted = [each for each in sent if each.callback and each.callback.type == DEFERRED_MESSAGE]
    figures.lost = len(sent) - len(accepted)
    figures.answers = [each.latency or 0.0 for each in accepted]
    first = accepted[:_SPANS]  # one round of the fair queue, which serves in the order of asking
    made = sorted([await _made(each) for each in first])
    figures.pauses = [after[0] - before[1] for before, after in itertools.pairwise(made)]


async def _type(people: Sequence[Person], rate: int, count: int) -> list[Interaction]:
    """In turn, each at its moment, whether or not the last was answered."""
    sent = []
    began = time.perf_counter()
    for number, person in zip(range(count), itertools.cycle(people), strict=False):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        sent.append(await person.slash("gif", prompt=f"number {number}", steps=_STEPS))
    return sent


async def _answered(sent: Sequence[Interaction]) -> None:
    """Until each has its answer, or can't get one any more."""
    await asyncio.sleep(ANSWER_WITHIN)
    for each in sent:
        if each.callback is None and time.perf_counter() - each.started < 2 * ANSWER_WITHIN:
            await asyncio.sleep(0.1)


async def _made(interaction: Interaction) -> tuple[float, float]:
    """When the worker began and ended this job."""
    message = await interaction.message(lambda message: message.files, _WITHIN)
    span = json.loads(message.files[0].data)
    return span["began"], span["ended"]


def _lags(file: Path) -> list[float]:
    """Without the last, which may be half written."""
    return [float(line) for line in file.read_text(encoding="ascii").splitlines()[:-1]]


async def _watch_memory(figures: Figures, process: psutil.Process) -> None:
    while True:
        figures.memory_peak = max(figures.memory_peak, process.memory_info().rss)
        await asyncio.sleep(0.2)


async def _pile_up(load: Load, people: Sequence[Person], directory: Path) -> None:
    """Types on until so many jobs wait."""
    while (missing := load.waiting - _waiting(directory)) > 0:
        await _answered(await _type(people, load.rate, missing + 50))


def _waiting(directory: Path) -> int:
    """How many rows say so."""
    with closing(sqlite3.connect(directory / "data" / "hotshot.db")) as connection:
        [count] = connection.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()
    return int(count)


async def _started_again(figures: Figures, discord: Sandbox, config: Path) -> None:
    """A job's file says when its work began, by a clock that all processes share."""
    began = time.monotonic()
    seen = {message.id for message in discord.world.messages.values() if message.files}
    async with running(config, discord, kill=True) as (seconds, _):
        figures.connected = seconds

        def posted() -> bytes | None:
            messages = discord.world.messages.values()
            new = (each for each in messages if each.files and each.id not in seen)
            spans = (each.files[0].data for each in new)
            return next((data for data in spans if json.loads(data)["began"] > began), None)

        span = json.loads(await discord.until(posted, _WITHIN))
        figures.first_job = span["began"] - began


def _fine(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def run(load: Load | None = None) -> None:
    """Measures and prints."""
    figures = asyncio.run(measure(load or Load()))
    print_table("the bot under load", ("", "measured", "goal"), figures.rows())


def main() -> None:
    standard = Load()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--rate", type=int, default=standard.rate, help="commands a second")
    parser.add_argument("--seconds", type=float, default=standard.seconds)
    parser.add_argument("--people", type=int, default=standard.people)
    parser.add_argument("--waiting", type=int, default=standard.waiting, help="jobs at a restart")
    run(Load(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
