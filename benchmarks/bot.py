"""How quickly the bot answers, starts and hands out work, with the generator busy on all cores.

The bot runs as its users run it, against the sandbox in this process; the sandbox shares the cores,
so the figures are upper bounds. A bare bot of discord.py (``benchmarks.bare_bot``) is asked in the
same moments, in a sandbox of its own: what it takes is the yardstick. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.busy import span_of
from benchmarks.process import running, write_config
from bot.sandbox import Interaction, Person, Sandbox
from bot.sandbox.model import Message

AT_ONCE = 50
_ASKED = {"steps": 2}  # of benchmarks.busy
_WITHIN = 120.0  # seconds


@dataclass
class Figures:
    """What was measured; times in seconds, memory in bytes."""

    first_start: float = 0.0
    next_start: float = 0.0
    memory_at_start: int = 0
    memory_after: int = 0
    answers: list[float] = field(default_factory=list)
    presses: list[float] = field(default_factory=list)
    panels: list[float] = field(default_factory=list)
    bare_answers: list[float] = field(default_factory=list)
    bare_presses: list[float] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def table(self) -> str:
        """As the README has it."""
        rows = [
            ("ready, first start (makes the database)", f"{self.first_start:.2f} s", ""),
            ("ready, next start", f"{self.next_start:.2f} s", "< 2 s"),
            ("memory when ready", megabytes(self.memory_at_start), "< 150 MB"),
            (f"memory after {len(self.answers)} GIFs", megabytes(self.memory_after), "< 150 MB"),
            *_answer_rows("first answer", self.answers, self.bare_answers, "< 250 ms"),
            *_answer_rows("a press of More", self.presses, self.bare_presses, "< 250 ms"),
            *_answer_rows("a press of Edit, which opens the panel", self.panels, [], ""),
            ("from a finished job to the next, p50", milliseconds(quantile(self.pauses, 0.5)), ""),
            (
                "from a finished job to the next, p99",
                milliseconds(quantile(self.pauses, 0.99)),
                "< 50 ms",
            ),
        ]
        lines = ["| bot | measured | goal |", "|---|---|---|"]
        return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def _answer_rows(
    what: str, times: Sequence[float], bare: Sequence[float], goal: str
) -> list[tuple[str, str, str]]:
    rows = []
    for share, limit in ((0.5, ""), (0.99, goal)):
        measured = milliseconds(quantile(times, share))
        if bare:
            measured += f" (a bare bot: {milliseconds(quantile(bare, share))})"
        rows.append((f"{what}, {AT_ONCE} at once, p{share * 100:.0f}", measured, limit))
    return rows


async def measure(rounds: int) -> Figures:
    """Starts the bot twice; ``rounds`` times ``AT_ONCE`` people type /gif in the same moment."""
    figures = Figures()
    with tempfile.TemporaryDirectory() as directory:
        async with Sandbox() as discord, _bare_crowd(Path(directory)) as bare:
            config = write_config(Path(directory), discord)
            async with running(config, discord) as (seconds, _):
                figures.first_start = seconds
            async with running(config, discord) as (seconds, process):
                figures.next_start = seconds
                figures.memory_at_start = process.memory_info().rss
                crowd = Crowd(_people(discord))
                await crowd.warm_up(lambda message: message.results)
                for _ in range(rounds):
                    await _one_round(crowd, bare, figures)
                figures.memory_after = process.memory_info().rss
    return figures


@dataclass
class Crowd:
    """People who all do one thing in the same moment; ``shown`` has the buttons they press."""

    people: Sequence[Person]
    shown: Message | None = None

    async def warm_up(self, is_whole: Callable[[Message], object]) -> None:
        """Until a worker is there: the rounds are to be measured with the generator at work."""
        sent = await self.people[0].slash("gif", prompt="warm up", **_ASKED)
        self.shown = await sent.message(is_whole, _WITHIN)

    async def type(self, prompt: str) -> list[Interaction]:
        """All type /gif; return what was sent once each is answered."""
        sent = [await person.slash("gif", prompt=prompt, **_ASKED) for person in self.people]
        return await _answered(sent)

    async def press(self, label: str) -> list[Interaction]:
        """All press one button; return what was sent once each is answered."""
        if self.shown is None:
            raise RuntimeError("the crowd has no message yet")
        return await _answered([await each.press(self.shown, label) for each in self.people])


def _people(discord: Sandbox) -> list[Person]:
    return [discord.person(f"person{number}") for number in range(AT_ONCE)]


async def _answered(sent: list[Interaction]) -> list[Interaction]:
    for interaction in sent:
        await interaction.acknowledged()
    return sent


@asynccontextmanager
async def _bare_crowd(directory: Path) -> AsyncIterator[Crowd]:
    """People of another Discord, where the bare bot is."""
    place = directory / "bare"
    place.mkdir()
    async with Sandbox() as discord:
        config = write_config(place, discord)
        async with running(config, discord, "benchmarks.bare_bot"):
            await discord.commands_registered(_WITHIN)
            crowd = Crowd(_people(discord))
            await crowd.warm_up(lambda message: message.buttons)
            yield crowd


async def _one_round(crowd: Crowd, bare: Crowd, figures: Figures) -> None:
    sent = await crowd.type("busy")
    figures.answers += map(_latency, sent)
    figures.bare_answers += map(_latency, await bare.type("busy"))
    figures.presses += map(_latency, await crowd.press("More"))
    figures.bare_presses += map(_latency, await bare.press("More"))
    figures.panels += map(_latency, await crowd.press("Edit"))
    spans = sorted([await _posted(interaction) for interaction in sent])
    figures.pauses += [after[0] - before[1] for before, after in itertools.pairwise(spans)]


def _latency(interaction: Interaction) -> float:
    return interaction.latency or 0.0


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
