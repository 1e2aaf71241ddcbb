"""``python -m benchmarks.gallery``: how soon four variations stand in one message.

The real bot in the sandbox, its worker an engine that says in each GIF when it was done. Counted
from the last of the four until the message holds all of them; the file's encoding is in it.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from benchmarks.bot import milliseconds, quantile
from benchmarks.busy import span_of
from benchmarks.process import running, write_config
from benchmarks.table import print_table
from bot.sandbox import Person, Sandbox

_COUNT = 4
_WITHIN = 60.0  # seconds
_GOAL = 0.15  # seconds


async def measure(rounds: int) -> list[float]:
    """Seconds from the last GIF's end until the message with all of them."""
    with tempfile.TemporaryDirectory() as directory:
        async with Sandbox() as discord:
            ada = discord.person("ada")
            async with running(write_config(Path(directory), discord), discord):
                await discord.commands_registered(_WITHIN)
                return [await _gallery(ada) for _ in range(rounds)]


async def _gallery(person: Person) -> float:
    sent = await person.slash("gif", prompt="a cat", steps=4, count=_COUNT)
    message = await sent.message(lambda message: len(message.results) == _COUNT, _WITHIN)
    posted = time.monotonic()
    return posted - max(span_of(file.data)[1] for file in message.results)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures; prints a Markdown table.")
    parser.add_argument("--rounds", type=int, default=20, help="galleries (default: %(default)s)")
    found = asyncio.run(measure(parser.parse_args().rounds))
    print_table(
        "A gallery of four, after its last GIF",
        ("", "median", "slowest", "goal"),
        [
            (
                "built and posted",
                milliseconds(quantile(found, 0.5)),
                milliseconds(max(found)),
                f"< {milliseconds(_GOAL)}",
            )
        ],
    )


if __name__ == "__main__":
    main()
