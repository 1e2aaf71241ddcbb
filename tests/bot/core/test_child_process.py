"""Children end, are killed when they take too long, and leave what they printed."""

from __future__ import annotations

import asyncio

import psutil
import pytest

from bot.core.child_process import run_module
from tests.patience import PATIENCE, until


def servers() -> list[psutil.Process]:
    """Return the children that run_module started here; multiprocessing has some of its own."""
    children = psutil.Process().children()
    return [child for child in children if "http.server" in child.cmdline()]


async def test_what_a_child_prints_is_returned() -> None:
    done = await run_module("json.tool", "--help", timeout_seconds=PATIENCE)
    assert done.exit_code == 0
    assert b"usage" in done.output
    assert done.last_words == ""


async def test_the_end_of_a_long_complaint_is_kept() -> None:
    done = await run_module("json.tool", "/" + "x" * 2000, timeout_seconds=PATIENCE)
    assert done.exit_code != 0
    assert len(done.last_words) == 500


async def test_a_child_that_takes_too_long_is_killed() -> None:
    with pytest.raises(TimeoutError):
        await run_module("http.server", "0", "--bind", "127.0.0.1", timeout_seconds=0.5)
    assert servers() == []


async def test_a_child_that_nobody_waits_for_is_killed() -> None:
    running = asyncio.create_task(
        run_module("http.server", "0", "--bind", "127.0.0.1", timeout_seconds=PATIENCE)
    )
    await until(servers, lambda: None)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert servers() == []
