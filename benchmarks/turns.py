"""How long one person waits for an edit, alone and after a hundred presses of somebody else.

The bot runs as its users run it, against the sandbox in this process; the edits are real ones.
Prints a Markdown table.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.process import running, write_config
from benchmarks.table import print_table
from bot.sandbox import Message, Person, Sandbox

_ENGINE = "tests.bot.engines.draws:create"  # makes a real GIF at once
_PRESSES = 100
_TRIES = 3
_WITHIN = 300.0  # seconds
_GOAL = 3.0  # seconds more than alone


async def measure() -> tuple[float, float]:
    """Seconds, at the median of a few tries: alone, and behind the presses."""
    os.environ["HOTSHOT_GENERATOR__ENGINE"] = _ENGINE
    with tempfile.TemporaryDirectory() as name:
        async with Sandbox() as discord:
            ada, bob = discord.person("ada"), discord.person("bob")
            async with running(write_config(Path(name), discord), discord):
                sheets = await _sheet(ada), await _sheet(bob)
                alone = [await _edit(bob, sheets[1]) for _ in range(_TRIES)]
                behind = []
                for _ in range(_TRIES):
                    for _ in range(_PRESSES):
                        await ada.choose(sheets[0], "pick:more", "reverse")
                    behind.append(await _edit(bob, sheets[1]))
    return statistics.median(alone), statistics.median(behind)


async def _sheet(person: Person) -> Message:
    sent = await person.slash("gif", prompt="a cat", frames=16)
    posted = await sent.message(lambda message: message.results, _WITHIN)
    return await (await person.press(posted, "More")).message()


async def _edit(person: Person, sheet: Message) -> float:
    began = time.perf_counter()
    pressed = await person.choose(sheet, "pick:more", "reverse")
    await pressed.message(lambda message: message.files, _WITHIN)
    return time.perf_counter() - began


def main() -> None:
    alone, behind = asyncio.run(measure())
    print_table(
        "Turns at edits",
        ("an edit of one person", "measured", "goal"),
        [
            ("alone", f"{alone:.1f} s", ""),
            (f"after {_PRESSES} presses of another", f"{behind:.1f} s", ""),
            ("longer by", f"{behind - alone:.1f} s", f"< {_GOAL:g} s"),
        ],
    )


if __name__ == "__main__":
    main()
