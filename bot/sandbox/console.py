"""``hotshot-bot sandbox``: serves until it is stopped, and does what is typed meanwhile."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import TextIO

from bot.sandbox.errors import SandboxError
from bot.sandbox.orders import ORDERS
from bot.sandbox.server import Sandbox


async def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    token: str | None = None,
    orders: TextIO | None = None,
) -> None:
    """Serves until cancelled; says where on standard output.

    Lines of ``orders`` are obeyed as they come; when they end, it goes on serving. OSError where
    the port is taken.
    """
    async with Sandbox(host=host, port=port, token=token) as discord:
        print(f"The sandbox listens at {discord.url}")  # the bot's base_url
        print(f"The bot's token there is {discord.token}")
        where = f"HOTSHOT_DISCORD__BASE_URL={discord.url}"
        who = f"HOTSHOT_DISCORD__TOKEN={discord.token}"
        print(f"To run a bot in it: {where} {who} hotshot-bot run", flush=True)
        if orders is not None:
            print("Type trouble, one line each; help lists what there is.", flush=True)
            await _obey(discord, orders)
        await asyncio.Event().wait()


async def _obey(discord: Sandbox, orders: TextIO) -> None:
    lines = _lines(orders)
    while (line := await lines.get()) is not None:
        if line.strip() in ("help", "?"):
            print(ORDERS, flush=True)
            continue
        try:
            await discord.order(line)
        except SandboxError as error:
            print(f"{error} (help lists what there is)", flush=True)


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
