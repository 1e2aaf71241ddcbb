"""The bot under load: 200 commands a second from 500 people, and a start with 10,000 jobs waiting.

The bot runs as its users run it, against the sandbox in this process, while its worker keeps every
core busy; the sandbox shares the cores, so the figures are upper bounds. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.bot import megabytes, milliseconds, quantile
from benchmarks.busy import STEP_SECONDS, span_of
from benchmarks.process import running, write_config
from benchmarks.table import print_table
from bot.core import machine
from bot.sandbox import Interaction, Message, Person, Sandbox
from bot.sandbox.interactions import ANSWER_WITHIN, DEFERRED_MESSAGE

_WITHIN = 300.0  # seconds
_STEPS = 1  # of benchmarks.busy
_LONGER_STEPS = 20  # a second, as the shortest GIFs of a card
_SPANS = 500  # jobs whose beginnings and ends are compared, at most
_MADE_MEANWHILE = 200  # jobs, at most, while others pile up
_LAG = "lag"  # the file's name
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
    unanswered: int = 0
    lost: int = 0
    typing_seconds: float = 0.0
    answers: list[float] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    pauses_of_card: dict[int, list[float]] = field(default_factory=dict)  # by steps of a job
    cpu: float = 0.0  # a command
    sandbox_cpu: float = 0.0  # the same, of this process
    memory_before: int = 0
    memory_peak: int = 0
    waiting: int = 0
    connected: float = 0.0
    first_job: float = 0.0

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """What, measured, goal."""
        rate = self.typed / self.typing_seconds
        yield "commands", f"{self.typed} at {rate:.0f} a second", "200 a second"
        yield "not answered within 3 s", str(self.unanswered), "0"
        yield "answered and lost", str(self.lost), "0"
        yield "first answer, p50", milliseconds(quantile(self.answers, 0.5)), ""
        yield "first answer, p99", milliseconds(quantile(self.answers, 0.99)), "< 100 ms"
        yield "the event loop is late, p50", milliseconds(quantile(self.lags, 0.5)), ""
        yield "the event loop is late, p99", milliseconds(quantile(self.lags, 0.99)), "< 20 ms"
        yield "the bot's CPU time a command", _fine(self.cpu), ""
        yield "the sandbox's CPU time a command", _fine(self.sandbox_cpu), ""
        yield "memory before", megabytes(self.memory_before), ""
        yield "memory at most", megabytes(self.memory_peak), ""
        yield "a busy worker idle between two jobs, p50", _fine(quantile(self.pauses, 0.5)), ""
        yield "the same, p99", _fine(quantile(self.pauses, 0.99)), ""
        for steps, pauses in self.pauses_of_card.items():
            what = f"{len(pauses)} pauses of one with a card, jobs of {steps * STEP_SECONDS:g} s"
            yield f"{what}, p50", _fine(quantile(pauses, 0.5)), ""
            yield "the same, p99", _fine(quantile(pauses, 0.99)), "<= 5 ms"
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
            module = ("benchmarks.lag", "--lag", str(directory / _LAG))
            async with running(config, discord, *module, kill=True) as (_, process):
                await _flooded(load, figures, people, process, directory)
                figures.pauses = await _pauses(discord, min(2 * _SPANS, figures.typed))
                await _pile_up(load, people, directory)
            figures.waiting = _waiting(directory)
            await _started_again(figures, discord, config)
    for steps in (_STEPS, _LONGER_STEPS):
        figures.pauses_of_card[steps] = await _pauses_of_card(load, steps)
    return figures


async def _pauses_of_card(load: Load, steps: int) -> list[float]:
    """Between the jobs of a worker that leaves the cores to the bot, beside as many commands."""
    made = min(_SPANS, int(load.seconds / (steps * STEP_SECONDS)))  # while people type
    with tempfile.TemporaryDirectory() as name:
        async with Sandbox() as discord:
            engine = "benchmarks.busy:create_with_card"
            config = write_config(Path(name), discord, *_QUEUE, engine=engine)
            people = [discord.person(f"person{number}") for number in range(load.people)]
            async with running(config, discord, kill=True):
                warm_up = await people[0].slash("gif", prompt="warm up", steps=steps)
                await warm_up.message(lambda message: message.results, _WITHIN)
                await type_commands(people, load.rate, int(load.rate * load.seconds), steps)
                return await _pauses(discord, 2 * made)


async def _flooded(
    load: Load, figures: Figures, people: Sequence[Person], process: psutil.Process, directory: Path
) -> None:
    warm_up = await people[0].slash("gif", prompt="warm up", steps=_STEPS)
    await warm_up.message(lambda message: message.results, _WITHIN)
    figures.memory_before = process.memory_info().rss
    lag = directory / _LAG
    lags_before = len(_lags(lag))
    watching = asyncio.create_task(_watch_memory(figures, process))
    began, busy_before = time.perf_counter(), _cpu_seconds(process)
    own_before = time.process_time()
    sent = await type_commands(people, load.rate, int(load.rate * load.seconds))
    figures.typing_seconds = time.perf_counter() - began
    await _answered(sent)
    watching.cancel()
    figures.cpu = (_cpu_seconds(process) - busy_before) / len(sent)
    figures.sandbox_cpu = (time.process_time() - own_before) / len(sent)
    figures.lags = _lags(lag)[lags_before:]
    figures.typed = len(sent)
    answered = {
        number: each
        for number, each in enumerate(sent)
        if each.callback and each.callback.type == DEFERRED_MESSAGE
    }
    figures.unanswered = len(sent) - len(answered)
    figures.answers = [each.latency or 0.0 for each in answered.values()]
    kept = _selected(directory, "json_extract(request, '$.prompt')")
    figures.lost = len({_prompt(number) for number in answered} - kept)


async def _pauses(discord: Sandbox, enough: int) -> list[float]:
    """Between the jobs that were made first, once so many were; by what their files say."""

    def posted() -> list[Message] | None:
        found = [message for message in discord.world.messages.values() if message.results]
        return found if len(found) >= enough else None

    messages = await discord.until(posted, _WITHIN)
    spans = sorted(span_of(message.results[0].data) for message in messages)
    spans = spans[: enough // 2]  # none of those is still on its way
    return [after[0] - before[1] for before, after in itertools.pairwise(spans)]


async def type_commands(
    people: Sequence[Person], rate: int, count: int, steps: int = _STEPS
) -> list[Interaction]:
    """Have people type in turn, each at its moment, whether or not the last was answered."""
    sent = []
    began = time.perf_counter()
    for number, person in zip(range(count), itertools.cycle(people), strict=False):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        sent.append(await person.slash("gif", prompt=_prompt(number), steps=steps))
    return sent


async def _answered(sent: Sequence[Interaction]) -> None:
    """Until each has its answer, or can't get one any more."""
    await asyncio.sleep(ANSWER_WITHIN)
    for each in sent:
        if each.callback is None and time.perf_counter() - each.started < 2 * ANSWER_WITHIN:
            await asyncio.sleep(0.1)


def _lags(file: Path) -> list[float]:
    """Without the last, which may be half written."""
    return [float(line) for line in file.read_text(encoding="ascii").splitlines()[:-1]]


def _cpu_seconds(process: psutil.Process) -> float:
    """Of the bot alone; its worker is a process of its own."""
    times = process.cpu_times()
    return float(times.user + times.system)


async def _watch_memory(figures: Figures, process: psutil.Process) -> None:
    while True:
        figures.memory_peak = max(figures.memory_peak, process.memory_info().rss)
        await asyncio.sleep(0.2)


async def _pile_up(load: Load, people: Sequence[Person], directory: Path) -> None:
    """Types on until so many jobs wait."""
    while (missing := load.waiting - _waiting(directory)) > 0:
        await _answered(await type_commands(people, load.rate, missing + _MADE_MEANWHILE))


def _waiting(directory: Path) -> int:
    """How many rows say so."""
    return len(_selected(directory, "number", "state = 'queued'"))


def _selected(directory: Path, column: str, condition: str = "true") -> set[Any]:
    """What stands in a column of the bot's jobs."""
    query = f"SELECT {column} FROM jobs WHERE {condition}"  # noqa: S608 - words of this file
    with closing(sqlite3.connect(directory / "data" / "hotshot.db")) as connection:
        return {value for [value] in connection.execute(query)}


def _prompt(number: int) -> str:
    return f"number {number}"


async def _started_again(figures: Figures, discord: Sandbox, config: Path) -> None:
    began = time.monotonic()
    seen = {message.id for message in discord.world.messages.values() if message.results}
    async with running(config, discord, kill=True) as (seconds, _):
        figures.connected = seconds

        def first() -> float | None:
            messages = discord.world.messages.values()
            made = (each for each in messages if each.results and each.id not in seen)
            new = (span_of(each.results[0].data)[0] for each in made)
            return next((at for at in new if at > began), None)

        figures.first_job = await discord.until(first, _WITHIN) - began


def _fine(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def run(load: Load | None = None) -> None:
    """Measures and prints."""
    figures = machine.run_event_loop(measure(load or Load()))
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
