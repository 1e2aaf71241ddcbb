"""``hotshot-bot sandbox``: serves until it is stopped, and does what is typed meanwhile.

What a person does is ``bot.sandbox.console.keyboard``'s matter, faults are
``bot.sandbox.console_commands``'.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TextIO

from bot.sandbox.console.keyboard import HELP, Keyboard
from bot.sandbox.console_commands import COMMANDS_HELP
from bot.sandbox.errors import SandboxError
from bot.sandbox.page.server import PageServer
from bot.sandbox.server import Sandbox

_PAGE_FILE = ".page.json"  # its address, for one that is left open
_FAULTS_HELP = f"To make trouble:\n\n{COMMANDS_HELP}"


async def serve(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    token: str | None = None,
    commands: TextIO | None = None,
    files: Path = Path(),
) -> None:
    """Serve until cancelled, and print the address.

    Lines of ``commands`` are run as they come; when they end, it goes on serving. The bot's files
    are saved in ``files``. OSError where the port is taken.
    """
    async with AsyncExitStack() as stack:
        discord = await stack.enter_async_context(Sandbox(host=host, port=port, token=token))
        keyboard = Keyboard(discord, files)  # whose person the page takes over
        page = await stack.enter_async_context(PageServer(discord, kept=files / _PAGE_FILE))
        print(f"The sandbox listens at {discord.url}")  # the bot's base_url
        print(f"The bot's token there is {discord.token}")
        where = f"HOTSHOT_DISCORD__BASE_URL={discord.url}"
        who = f"HOTSHOT_DISCORD__TOKEN={discord.token}"
        # a line of its own, to be copied whole
        print(f"To run a bot in it:\n{where} {who} {_own_name()} run")
        print(f"To use it in a browser, open {page.url}", flush=True)
        if commands is not None:
            print("Then type here: /gif a red ball (help lists what else).", flush=True)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(keyboard.screen.watch())
                await _run_typed_lines(discord, keyboard, commands)
        await asyncio.Event().wait()


def _own_name() -> str:
    """Return how this program was called, for a line that a person can copy."""
    called = sys.argv[0]
    return called if Path(called).name == "hotshot-bot" else f"{sys.executable} -m bot"


async def _run_typed_lines(discord: Sandbox, keyboard: Keyboard, commands: TextIO) -> None:
    lines = _lines(commands)
    while (line := await lines.get()) is not None:
        if line.strip() in ("help", "?"):
            print(f"{HELP}\n\n{_FAULTS_HELP}", flush=True)
            continue
        try:
            if await keyboard.type(line):
                continue
        except SandboxError as error:
            print(error, flush=True)
            continue
        try:
            await discord.run_command(line)
        except SandboxError as error:
            print(
                f"{error} ({keyboard.suggestion(line) or 'help lists what there is'})", flush=True
            )


def _lines(commands: TextIO) -> asyncio.Queue[str | None]:
    """Return a queue of what is typed, line by line, and None at the end.

    A thread reads, since neither a terminal nor a file can be awaited; it is a daemon because
    nothing ends a read.
    """
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()
    if threading.current_thread() is threading.main_thread():
        # else a sandbox in a shell's background would be stopped by its first look at the terminal
        signal.signal(signal.SIGTTIN, signal.SIG_IGN)

    def read() -> None:
        with contextlib.suppress(OSError):  # there is no terminal to read from
            for line in commands:
                if not put(line):
                    return
            put(None)

    def put(line: str | None) -> bool:
        try:
            loop.call_soon_threadsafe(lines.put_nowait, line)
        except RuntimeError:  # the loop is closed
            return False
        return True

    threading.Thread(target=read, name="typed commands", daemon=True).start()
    return lines
