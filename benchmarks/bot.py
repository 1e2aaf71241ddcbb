"""How quickly the bot answers, starts and hands out work, with the generator busy on all cores.

The bot runs as its users run it, against the sandbox in this process; the sandbox shares the cores,
so the figures are upper bounds. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.busy import span_of
from benchmarks.process import running, write_config
from bot.sandbox import Interaction, Person, Sandbox

AT_ONCE = 50
_STEPS = 2  # of benchmarks.busy
_WITHIN = 120.0  # seconds


@dataclass
class Figures:
    """What was measured; times in seconds, memory in bytes."""

    first_start: float = 0.0
    next_start: float = 0.0
    memory_at_start: int = 0
    memory_after: int = 0
    answers: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def table(self) -> str:
        """As the README has it."""
        rows = [
            ("ready, first start (makes the database)", f"{self.first_start:.2f} s", ""),
            ("ready, next start", f"{self.next_start:.2f} s", "< 2 s"),
            ("memory when ready", megabytes(self.memory_at_start), "< 150 MB"),
            (f"memory after {len(self.answers)} GIFs", megabytes(self.memory_after), "< 150 MB"),
            (
                f"first answer, {AT_ONCE} at once, p50",
                milliseconds(quantile(self.answers, 0.5)),
                "",
            ),
            (
                f"first answer, {AT_ONCE} at once, p99",
                milliseconds(quantile(self.answers, 0.99)),
                "< 250 ms",
            ),
            ("from a finished job to the next, p50", milliseconds(quantile(self.pauses, 0.5)), ""),
            (
                "from a finished job to the next, p99",
                milliseconds(quantile(self.pauses, 0.99)),
                "< 50 ms",
            ),
        ]
        lines = ["| bot | measured | goal |", "|---|---|---|"]
        return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


async def measure(rounds: int) -> Figures:
    """Starts the bot twice; ``rounds`` times ``AT_ONCE`` people type /gif in the same moment."""
    figures = Figures()
    with tempfile.TemporaryDirectory() as directory:
        async with Sandbox() as discord:
            config = write_config(Path(directory), discord)
            async with running(config, discord) as (seconds, _):
                figures.first_start = seconds
            async with running(config, discord) as (seconds, process):
                figures.next_start = seconds
                figures.memory_at_start = process.memory_info().rss
                people = [discord.person(f"person{number}") for number in range(AT_ONCE)]
                await _warm_up(people[0])
                for _ in range(rounds):
                    await _one_round(people, figures)
                figures.memory_after = process.memory_info().rss
    return figures


async def _warm_up(person: Person) -> None:
    """Until a worker is there: the rounds are to be measured with the generator at work."""
    await _posted(await person.slash("gif", prompt="warm up", steps=_STEPS))


async def _one_round(people: Sequence[Person], figures: Figures) -> None:
    sent = [await person.slash("gif", prompt="busy", steps=_STEPS) for person in people]
    for interaction in sent:
        await interaction.acknowledged()
    figures.answers += [interaction.latency or 0.0 for interaction in sent]
    spans = sorted([await _posted(interaction) for interaction in sent])
    figures.pauses += [after[0] - before[1] for before, after in itertools.pairwise(spans)]


async def _posted(interaction: Interaction) -> tuple[float, float]:
    """When the worker began and ended this job."""
    message = await interaction.message(lambda message: message.results, _WITHIN)
    return span_of(message.results[0].data)


def quantile(values: Sequence[float], share: float) -> float:
    """The value that ``share`` of all don't exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


def milliseconds(seconds: float) -> str:
    """Rounded, with its unit."""
    return f"{seconds * 1000:.0f} ms"


def megabytes(size: int) -> str:
    """Bytes in millions of them."""
    return f"{size / 1e6:.0f} MB"


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4, help=f"of {AT_ONCE} commands (default: 4)")
    print(asyncio.run(measure(parser.parse_args().rounds)).table())


if __name__ == "__main__":
    main()
