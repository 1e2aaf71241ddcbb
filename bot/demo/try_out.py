"""What ``hotshot-bot try`` and ``make try`` run: a sandbox, the real bot in it, and the page.

The bot is the unmodified one, with a config of its own; what it made is gone at the end.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.demo.bot_process import DemoBot, DemoSetupError
from bot.demo.run import listening_sandbox, stoppable, temporary_home
from bot.sandbox.page.server import PageServer
from bot.sandbox.server import Sandbox

_START_SECONDS = 120.0  # for the bot to be there


def serve_until_stopped(model: str, port: int, log: Path) -> int:
    """Serve the page until a signal stops it, and return the exit code."""
    return stoppable(lambda: serve(model, port, log), "The page can't go on")


async def serve(model: str, port: int, log: Path) -> None:
    """Serve the page until cancelled. Raises DemoError where the bot can't be started, or ends."""
    _make_room_for(log)
    with temporary_home() as home:
        async with (
            listening_sandbox() as discord,
            _page(discord, port, log.parent / f".{log.name}.page.json") as page,
            DemoBot.running(discord, home, log, {"model": model}) as bot,
        ):
            await bot.wait_for(discord.commands_registered(_START_SECONDS), "register its commands")
            await bot.wait_for(discord.connected(_START_SECONDS), "connect")
            print(f"Open this in a browser: {page.url}", flush=True)
            print(f"Ctrl-C ends it; the bot's log is {log}.", flush=True)
            await bot.wait_for(asyncio.Event().wait(), "go on")


def _make_room_for(log: Path) -> None:
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise DemoSetupError(f"{log} can't be written ({reason}).") from error


@asynccontextmanager
async def _page(discord: Sandbox, port: int, kept: Path) -> AsyncIterator[PageServer]:
    page = PageServer(discord, port=port, kept=kept)
    try:
        await page.start()
    except (OSError, OverflowError) as error:
        number = error.errno if isinstance(error, OSError) else None
        reason = os.strerror(number).lower() if number else "ports are from 0 to 65535"
        raise DemoSetupError(
            f"nothing can listen on port {port} ({reason}); choose another with --port."
        ) from error
    try:
        yield page
    finally:
        await page.stop()
