"""What is looked at again and again: how late the event loop is, and what is left of the disk."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from pathlib import Path

from bot.metrics.families import Families

_LAG_SECONDS = 0.25
_DISK_SECONDS = 15.0


async def watch_event_loop(families: Families) -> None:
    """Note how late the event loop is, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _LAG_SECONDS
        await asyncio.sleep(_LAG_SECONDS)
        families.loop_lag.observe(max(0.0, loop.time() - due))


async def watch_disk(families: Families, directory: Path) -> None:
    """Note what is free, until cancelled; a disk that doesn't answer keeps nobody else waiting."""
    while True:
        with contextlib.suppress(OSError):
            usage = await asyncio.to_thread(shutil.disk_usage, directory)
            families.disk_free.set(usage.free)
        await asyncio.sleep(_DISK_SECONDS)
