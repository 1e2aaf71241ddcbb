"""A terminal that a program is typed to in, as a person does: a pty, with echo and Ctrl-C."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import subprocess
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

from tests.bot.fork_server import ROOT
from tests.patience import PATIENCE

CTRL_C, CTRL_D = "\x03", "\x04"


class Terminal:
    """A running program, and all that its terminal showed."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self.shown = ""
        self._master = master
        self._seen = 0  # characters of what was shown before the last wait ended
        self._changed = asyncio.Event()
        asyncio.get_running_loop().add_reader(master, self._read)

    @classmethod
    @asynccontextmanager
    async def running(cls, *words: str, **env: str) -> AsyncIterator[Self]:
        """Run this Python with these words, in a terminal of its own."""
        process, master = _start([sys.executable, *words], env)
        terminal = cls(process, master)
        try:
            yield terminal
        finally:
            process.kill()
            process.wait()
            asyncio.get_running_loop().remove_reader(master)
            os.close(master)

    def type(self, text: str, *, end: str = "\n") -> None:
        """Press these keys, and Enter."""
        os.write(self._master, f"{text}{end}".encode())

    async def shows(self, words: str) -> str:
        """Return what was shown since the last wait, once ``words`` are in it."""
        async with asyncio.timeout(PATIENCE):
            while words not in self.shown[self._seen :]:
                self._changed.clear()
                assert self.process.poll() is None or self._read(), self.shown
                await self._changed.wait()
        since = self.shown[self._seen :]
        self._seen += since.index(words) + len(words)
        return since

    def _read(self) -> bool:
        """Take what is there; return whether anything was."""
        try:
            data = os.read(self._master, 1 << 16)
        except OSError:  # its program has ended
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._master)
        self.shown += data.decode(errors="replace").replace("\r\n", "\n")
        self._changed.set()
        return bool(data)


def _start(command: list[str], env: dict[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    """Return a process, and the other end of the terminal that is its own."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **env},
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - holds no lock
    )
    os.close(slave)
    return process, master
