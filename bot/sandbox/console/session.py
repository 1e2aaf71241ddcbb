"""``hotshot-bot sandbox``: serves until it is stopped, and does what is typed meanwhile.

A person's lines are ``bot.sandbox.console.keyboard``'s, trouble is
``bot.sandbox.console_commands``'.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from pathlib import Path
from typing import TextIO

from bot.sandbox.console.keyboard import HELP, Keyboard
from bot.sandbox.console_commands import ORDERS
from bot.sandbox.errors import SandboxError
from bot.sandbox.server import Sandbox

_TROUBLE = f"To make trouble:\n\n{ORDERS}"


async def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    token: str | None = None,
    orders: TextIO | None = None,
    files: Path = Path(),
) -> None:
    """Serves until cancelled; says where on standard output.

    Lines of ``orders`` are obeyed as they come; when they end, it goes on serving. The bot's files
    are saved in ``files``. OSError where the port is taken.
    """
    async with Sandbox(host=host, port=port, token=token) as discord:
        print(f"The sandbox listens at {discord.url}")  # the bot's base_url
        print(f"The bot's token there is {discord.token}")
        where = f"HOTSHOT_DISCORD__BASE_URL={discord.url}"
        who = f"HOTSHOT_DISCORD__TOKEN={discord.token}"
        # a line of its own, to be copied whole
        print(f"To run a bot in it:\n{where} {who} {_own_name()} run", flush=True)
        if orders is not None:
            print("Then type here: /gif a red ball (help lists what else).", flush=True)
            keyboard = Keyboard(discord, files)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(keyboard.screen.watch())
                await _obey(discord, keyboard, orders)
        await asyncio.Event().wait()


def _own_name() -> str:
    """How this program was called, for a line that a person can copy."""
    called = sys.argv[0]
    return called if Path(called).name == "hotshot-bot" else f"{sys.executable} -m bot"


async def _obey(discord: Sandbox, keyboard: Keyboard, orders: TextIO) -> None:
    lines = _lines(orders)
    while (line := await lines.get()) is not None:
        if line.strip() in ("help", "?"):
            print(f"{HELP}\n\n{_TROUBLE}", flush=True)
            continue
        try:
            if await keyboard.type(line):
                continue
        except SandboxError as error:
            print(error, flush=True)
            continue
        try:
            await discord.order(line)
        except SandboxError as error:
            print(f"{error} ({keyboard.meant(line) or 'help lists what there is'})", flush=True)


def _lines(orders: TextIO) -> asyncio.Queue[str | None]:
    """What is typed, then None. Read by a thread, since neither a terminal nor a file can be
    awaited; it is a daemon because nothing ends a read.
    """
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    if threading.current_thread() is threading.main_thread():
        # else a sandbox in a shell's background would be stopped by its first look at the terminal
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)

    def read() -> None:
        try:
            for line in orders:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, None)
        except (OSError, RuntimeError):  # no terminal to read from, or no loop to hear of it
            return

    threading.Thread(target=read, name="orders", daemon=True).start()
    return lines
