"""Runs tasks beside a block, and waits for one of several."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_CANCEL_AGAIN_SECONDS = 1.0


async def wait_until(stop: asyncio.Event, *work: asyncio.Task[Any]) -> None:
    """Wait for ``stop``, or until some of the ``work`` ends by itself; then raise its error."""
    async with in_background(stop.wait()) as stopping:
        await asyncio.wait((stopping, *work), return_when=asyncio.FIRST_COMPLETED)
    for task in work:
        if task.done():
            task.result()


@asynccontextmanager
async def in_background(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Run ``work`` beside the block, and cancel it at the block's end."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        while not task.done():
            task.cancel()  # once more: discord.py keeps one for itself while it identifies anew
            await asyncio.wait((task,), timeout=_CANCEL_AGAIN_SECONDS)
        await asyncio.gather(task, return_exceptions=True)
