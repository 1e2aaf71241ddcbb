"""First answers with PostgreSQL beside SQLite, at 200 commands a second.

The server is one of its own, as tests start it (Debian's, on a socket, without fsync's cost left
out). The bot runs as its users run it, its worker idle but for steps that sleep, and the sandbox
shares the cores. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bot import milliseconds, quantile
from benchmarks.load import type_commands
from benchmarks.process import running, write_config
from benchmarks.table import print_table
from bot.core import machine
from bot.sandbox import Sandbox
from tests.postgres import cluster, stop_server

_WITHIN = 60.0  # seconds
_QUEUE = ("[queue]", "size = 100_000", "per_user = 10_000")


async def measure(url: str, rate: int, seconds: float) -> tuple[list[float], int]:
    """Return the seconds to each first answer, and how many had none in time."""
    with tempfile.TemporaryDirectory() as name:
        async with Sandbox() as discord:
            config = write_config(Path(name), discord, *_QUEUE, engine="benchmarks.sleeper:create")
            text = config.read_text(encoding="utf-8")
            with_url = text.replace("[storage]", f'[storage]\ndatabase_url = "{url}"')
            config.write_text(with_url, encoding="utf-8")
            people = [discord.person(f"person{number}") for number in range(500)]
            async with running(config, discord, kill=True):
                await discord.commands_registered(_WITHIN)
                await type_commands(people, rate, rate)  # warm
                sent = await type_commands(people, rate, int(rate * seconds))
                await asyncio.sleep(3)
    answers = [each.latency for each in sent if each.latency is not None]
    return answers, len(sent) - len(answers)


@contextlib.contextmanager
def _address(kind: str) -> Iterator[str]:
    if kind == "SQLite":
        yield ""
        return
    with cluster(is_durable=True) as url:
        yield url


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.postgresql", description=__doc__)
    parser.add_argument("--rate", type=int, default=200, help="commands a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    rows = []
    for _ in range(chosen.rounds):
        for kind in ("SQLite", "PostgreSQL"):
            with _address(kind) as url:
                answers, unanswered = machine.run_event_loop(
                    measure(url, chosen.rate, chosen.seconds)
                )
            shown = [milliseconds(quantile(answers, share)) for share in (0.5, 0.99)]
            rows.append((kind, str(len(answers)), str(unanswered), *shown))
    stop_server()
    print_table(
        f"First answer at {chosen.rate} commands a second",
        ("database", "answers", "none within 3 s", "p50", "p99"),
        rows,
    )


if __name__ == "__main__":
    main()
