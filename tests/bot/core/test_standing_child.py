"""A process that stays: asked again and again, replaced when it dies, killed when it hangs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import psutil
import pytest

from bot.core.standing_child import ChildLostError, StandingChild
from tests.patience import PATIENCE, until

MODULE = "tests.bot.core.echoes"


@pytest.fixture
async def child() -> AsyncIterator[StandingChild]:
    child = StandingChild(MODULE, "hello", start_seconds=PATIENCE)
    yield child
    await child.close()


async def test_one_process_answers_again_and_again(child: StandingChild) -> None:
    assert child.pid is None
    assert await child.ask("one", PATIENCE) == b"one\n"
    first = child.pid
    assert await child.greeting() == b"hello\n"
    assert await child.ask("two", PATIENCE) == b"two\n"
    assert child.pid == first


@pytest.mark.parametrize(
    ("line", "reason"),
    [("die", "killed by signal 9"), ("leave", "exit code 3"), ("endless", "killed by signal 9")],
)
async def test_one_that_ends_is_replaced(child: StandingChild, line: str, reason: str) -> None:
    with pytest.raises(ChildLostError, match=reason) as lost:
        await child.ask(line, PATIENCE)
    assert not lost.value.is_hung
    assert child.pid is None
    assert await child.ask("again", PATIENCE) == b"again\n"


async def test_one_that_died_unseen_is_replaced(child: StandingChild) -> None:
    await child.greeting()
    psutil.Process(child.pid).kill()
    await until(lambda: child.pid is None)
    assert await child.ask("again", PATIENCE) == b"again\n"


async def test_one_that_hangs_is_killed(child: StandingChild) -> None:
    await child.greeting()
    process = psutil.Process(child.pid)
    with pytest.raises(ChildLostError, match="didn't respond") as lost:
        await child.ask("silence", 0.05)
    assert lost.value.is_hung
    assert not process.is_running()
    assert await child.ask("again", PATIENCE) == b"again\n"


async def test_who_gives_up_leaves_no_answer_for_the_next(child: StandingChild) -> None:
    await child.greeting()
    asking = asyncio.create_task(child.ask("silence", PATIENCE))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert child.pid is None
    assert await child.ask("again", PATIENCE) == b"again\n"
