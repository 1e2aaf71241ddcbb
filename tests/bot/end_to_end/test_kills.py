"""The bot is killed at every write that a job's life has; then it is started again.

What was accepted is delivered once, or its owner is told once; what wasn't leaves no trace.
"""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox import Interaction, Person, Sandbox
from bot.sandbox.model import Message
from tests.bot.end_to_end.process import Bot, Setup, running
from tests.patience import PATIENCE

pytestmark = pytest.mark.slow

# Of two in one message, the first of which has come so far.
OF_A_GROUP = {
    ("jobs.add", "after"): 1,
    ("jobs.move:delivering", "after"): 2,
    ("jobs.move:done", "before"): 2,
    ("jobs.move:done", "after"): 2,
}

_FAILING = "tests.bot.engines.fails:create"
_ONLY_OF_A_SLOW_START = "jobs.note:answer_id"  # noted with the next change where that comes soon
_ONLY_OF_A_SLOW_JOB = "guilds.reconcile"  # once all servers are there, which takes seconds

# Every write of a bot's start and of one job; in which states a death before it and one after it
# may leave the job, "" being none.
WRITES = {
    "registrations.save": ({""}, {""}),
    "shares.load": ({""}, {""}),
    "jobs.add": ({""}, {"queued"}),
    "jobs.move:running": ({"queued"}, {"running"}),
    "costs.save": ({"", "queued", "running", "delivering", "done"},) * 2,  # at any time
    _ONLY_OF_A_SLOW_JOB: ({"", "queued", "running", "delivering", "done"},) * 2,
    "jobs.move:delivering": ({"running"}, {"delivering"}),
    "jobs.move:done": ({"delivering"}, {"done"}),
}


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
    setup: Setup,
    discord: Sandbox,
    ada: Person,
    *,
    write: str,
    when: str,
    prompt: str,
    count: int | None = None,
) -> tuple[Interaction | None, bool]:
    """What was asked of a bot that dies at a write, and whether it did die."""
    known = discord.gateway.identified
    config = setup.write(queue={"leave_seconds": 0})
    bot = await Bot.start_module("tests.bot.end_to_end.killed_at", config, write, when, "run")
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
        sent = await ada.slash("gif", prompt=prompt, steps=2, count=count)
        over = asyncio.ensure_future(_until_over(setup))
        await asyncio.wait((dead, over), return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE)
        assert dead.done() or over.done(), "it neither died nor finished"
        if write != "none":  # the row may be seen before the death that follows it
            await asyncio.wait((dead,), timeout=PATIENCE)
        over.cancel()
        await asyncio.gather(over, return_exceptions=True)
        return sent, dead.done()
    finally:
        await bot.stop()


async def _until_over(setup: Setup) -> None:
    """Until its row says that all is over, and what is learnt of it is written too."""
    while True:
        rows = setup.rows("state, owner_notified")
        are_notified = all(row["owner_notified"] for row in rows)
        if rows and are_notified and _counted(setup.data, "costs"):
            return
        await asyncio.sleep(0.05)


def _counted(data: Path, table: str) -> int:
    with sqlite3.connect(data / "hotshot.db") as connection:
        found: int = connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]  # noqa: S608
    return found


async def said(discord: Sandbox, prompt: str) -> list[Message]:
    """The last words, once there are some."""
    return await discord.until(lambda: last_words(discord, prompt) or None)


@pytest.mark.parametrize(("write", "states"), list(WRITES.items()))
async def test_killed_at_every_write(
    setup: Setup, discord: Sandbox, ada: Person, write: str, states: tuple[set[str], set[str]]
) -> None:
    """Of a job that is made and delivered, before and after each."""
    for when, possible in zip(("before", "after"), states, strict=True):
        own = replace(setup, directory=setup.directory / when)
        own.directory.mkdir(parents=True)
        prompt = f"mark {when}."
        sent, died = await killed_run(own, discord, ada, write=write, when=when, prompt=prompt)
        assert died, f"it outlived {write}"
        accepted = [row["state"] for row in own.rows()] if sent else []
        async with running(own.write(), discord):
            if accepted:
                await said(discord, prompt)
                await own.all_over()
        assert (accepted or [""])[0] in possible
        assert len(last_words(discord, prompt)) == len(accepted)
        assert [row["state"] for row in own.rows()] == ["done"] * len(accepted)


async def test_no_write_of_a_job_is_missing_above(
    setup: Setup, discord: Sandbox, ada: Person
) -> None:
    _, died = await killed_run(setup, discord, ada, write="none", when="after", prompt="mark")
    assert not died
    written = (setup.directory / "writes.txt").read_text(encoding="utf-8").split()
    assert {*written, _ONLY_OF_A_SLOW_JOB} - {_ONLY_OF_A_SLOW_START} == set(WRITES)


@pytest.mark.parametrize(("write", "when"), list(OF_A_GROUP))
async def test_killed_with_a_group_under_way(
    setup: Setup, discord: Sandbox, ada: Person, write: str, when: str
) -> None:
    """Each of two variations stands in their one message once."""
    setup.engine = "tests.bot.engines.draws:create"
    _, died = await killed_run(setup, discord, ada, write=write, when=when, prompt="mark.", count=2)
    assert died, f"it outlived {write}"
    rows = setup.rows("id")
    assert len(rows) == OF_A_GROUP[write, when]
    async with running(setup.write(), discord):
        await setup.all_over()
        await setup.all_notified()
    [message] = last_words(discord, "mark.")
    named = sorted(file.filename[8:20] for file in message.results)
    assert named == sorted(row["id"][:12] for row in rows)
    assert {row["state"] for row in setup.rows("state")} == {"done"}


@pytest.mark.parametrize("write", ["jobs.move:failed", "jobs.note:owner_notified"])
async def test_a_failure_is_told_once(
    setup: Setup, discord: Sandbox, ada: Person, write: str
) -> None:
    """Killed around the writes that say failed, and that its owner was told."""
    for when in ("before", "after"):
        own = replace(setup, directory=setup.directory / when, engine=_FAILING)
        own.directory.mkdir(parents=True)
        prompt = f"mark {when}."
        _, died = await killed_run(own, discord, ada, write=write, when=when, prompt=prompt)
        assert died
        discord.clock.advance(16 * 60)  # what was said can't be said again by the same way
        async with running(own.write(), discord):
            await said(discord, prompt)
            await own.all_notified()
        [told] = last_words(discord, prompt)
        assert "can't be drawn" in told.text
        assert own.rows()[0]["state"] == "failed"
