"""The bot is killed at every write that a job's life has; then it is started again.

What was accepted is delivered once, or its owner is told once; what wasn't leaves no trace.
"""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox import Interaction, Person, Sandbox
from bot.sandbox.model import Message
from tests.bot.end_to_end.process import Bot, Setup, running
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

_MOST_WRITES = 9  # a few more than there are
_ROUNDS = 4
_STATES = {"queued", "running", "delivering", "done"}


def is_last_word(message: Message) -> bool:
    return bool(message.results) or "❌" in message.text


def last_words(discord: Sandbox, prompt: str) -> list[Message]:
    """Files and reasons that stand for this prompt."""
    return [
        message
        for message in discord.messages_in(discord.channel)
        if is_last_word(message) and prompt in message.text
    ]


async def killed_run(
    setup: Setup, discord: Sandbox, ada: Person, *, number: int, when: str, prompt: str
) -> tuple[Interaction | None, bool]:
    """What was asked of a bot that dies at its ``number``-th write, and whether it did die."""
    known = discord.gateway.identified
    config = setup.write(queue={"leave_seconds": 0})
    bot = await Bot.start_module("tests.bot.end_to_end.killed_at", config, str(number), when, "run")
    dead = asyncio.ensure_future(bot.process.wait())
    try:
        connected = asyncio.ensure_future(
            discord.until(lambda: discord.gateway.identified > known or None)
        )
        await asyncio.wait((dead, connected), return_when=asyncio.FIRST_COMPLETED)
        if dead.done():
            connected.cancel()
            return None, True
        await discord.connected()
        sent = await ada.slash("gif", prompt=prompt, steps=2)
        over = asyncio.ensure_future(_until_over(setup))
        await asyncio.wait((dead, over), return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE)
        assert dead.done() or over.done(), "it neither died nor finished"
        over.cancel()
        await asyncio.gather(over, return_exceptions=True)
        return sent, dead.done()
    finally:
        await bot.stop()


async def _until_over(setup: Setup) -> None:
    """Until its row says that all is over, and what is learnt of it is written too."""
    while True:
        rows = setup.rows("state, owner_notified")
        if rows and rows[0]["owner_notified"] and _counted(setup.data, "costs"):
            return
        await asyncio.sleep(0.05)


def _counted(data: Path, table: str) -> int:
    with sqlite3.connect(data / "hotshot.db") as connection:
        found: int = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]  # noqa: S608
    return found


async def said(discord: Sandbox, prompt: str) -> list[Message]:
    """The last words, once there are some."""
    return await discord.until(lambda: last_words(discord, prompt) or None)


async def killed_and_started_again(
    setup: Setup, discord: Sandbox, ada: Person, *, number: int, when: str, prompt: str
) -> tuple[list[str], bool]:
    """The states that its death left the job in (none where it wasn't accepted), and whether it
    died; by the second start all is over, once.
    """
    setup.directory.mkdir(parents=True)
    sent, died = await killed_run(setup, discord, ada, number=number, when=when, prompt=prompt)
    accepted = [row["state"] for row in setup.rows()] if sent else []
    async with running(setup.write(), discord):
        if accepted:
            await said(discord, prompt)
            await setup.all_over()
    assert len(last_words(discord, prompt)) == len(accepted), number
    assert [row["state"] for row in setup.rows()] == ["done"] * len(accepted)
    return accepted, died


@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_at_every_write(
    setup: Setup, discord: Sandbox, ada: Person, when: str
) -> None:
    """Of a job that is made and delivered.

    What is learnt of its pace is written beside its own state, in no certain order: so a number
    doesn't mean the same write in every run, and what one round missed another one meets.
    """
    seen: set[str] = set()
    for round_, number in itertools.product(range(_ROUNDS), range(1, _MOST_WRITES)):
        own = replace(setup, directory=setup.directory / f"{round_}-{number}")
        states, died = await killed_and_started_again(
            own, discord, ada, number=number, when=when, prompt=f"mark {round_}-{number}."
        )
        seen.update(states)
        assert died or number > len(_STATES), "the bot outlived a write"
        if seen == _STATES and not died:
            return
    pytest.fail(f"only {seen} were met")


@pytest.mark.parametrize(("when", "number"), list(itertools.product(("before", "after"), (4, 5))))
async def test_a_failure_is_told_once(
    setup: Setup, discord: Sandbox, ada: Person, when: str, number: int
) -> None:
    """Killed around the writes that say failed, and that its owner was told."""
    setup.engine = "tests.bot.engines.fails:create"
    _, died = await killed_run(setup, discord, ada, number=number, when=when, prompt="mark")
    assert died
    discord.clock.advance(16 * 60)  # what was said can't be said again by the same way
    async with running(setup.write(), discord):
        await said(discord, "mark")
        await setup.all_notified()
    [told] = last_words(discord, "mark")
    assert "can't be drawn" in told.text
    assert setup.rows()[0]["state"] == "failed"
