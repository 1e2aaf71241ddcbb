"""Programs that begin without their imports: a Python that has imported the bot forks each.

A test of a whole bot begins one, and most of that is a second of imports, the same each time. So a
process of each test process (``python -m tests.bot.fork_server CHANNEL MODULE...``) imports them
once, runs none of it, and forks for every program: from there on it is what ``python -m MODULE``
would be, with a directory, environment, arguments and output of its own, and it ends as a Python
ends. Where a system can't do that, or has no need to, ``asyncio.create_subprocess_exec`` does it
all. What begins programs in a shell asks by ``tests/bot/forked_program.py``.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import gc
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).parents[2]
IS_POSSIBLE = hasattr(os, "pidfd_open")
_MOST_BYTES = 1 << 18  # of one order: an environment and arguments
_OF_A_BOT = (
    "alembic.command",
    "alembic.config",
    "babel.messages.mofile",
    "bot.app.main",
    "bot.cli.doctor",
    "bot.cli.run",
    "bot.cli.status",
    "encodings.idna",
    "multiprocessing.popen_spawn_posix",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "tests.bot.read_once",
    "uvloop",
)


class ForkedProcess:
    """A program that a fork server began; what tests use of ``asyncio.subprocess.Process``."""

    def __init__(self, pid: int, ending: asyncio.Task[int]) -> None:
        self.pid = pid
        self._ending = ending

    @property
    def returncode(self) -> int | None:
        """Return the exit code, negative for a signal; None while it runs."""
        return self._ending.result() if self._ending.done() else None

    async def wait(self) -> int:
        """Return the exit code once it has ended."""
        return await asyncio.shield(self._ending)

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it is known to have ended."""
        if not self._ending.done():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it without a chance to object."""
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """The process that forks, begun when it is first needed; it ends with its caller.

    ``variables``: what ``preloaded`` modules are to find in the environment as they are imported.
    """

    def __init__(self, *preloaded: str, **variables: str) -> None:
        self._preloaded = preloaded or _OF_A_BOT
        self._variables = variables
        self._channel: socket.socket | None = None
        self._owner = 0

    async def start(
        self, module: str, arguments: tuple[str, ...], env: dict[str, str], output: BinaryIO
    ) -> ForkedProcess:
        """Run ``python -m module arguments`` in the project's directory."""
        asked = {"module": module, "arguments": arguments, "env": env, "standard": (1, 2)}
        order = json.dumps(asked | {"directory": str(ROOT)}).encode()
        reading, writing = os.pipe()
        files = [writing, output.fileno(), output.fileno()]
        try:
            socket.send_fds(self.open(), [order], files)
        finally:
            os.close(writing)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", 0)
        )
        pid = int(await reader.readline())
        return ForkedProcess(pid, asyncio.ensure_future(_exit_code(reader)))

    def open(self) -> socket.socket:
        """Return the channel that orders go to, for a process to inherit."""
        if self._channel is None or self._owner != os.getpid():
            self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST_BYTES)
            self._owner = os.getpid()
            with theirs:
                server = subprocess.Popen(
                    [sys.executable, "-m", __name__, str(theirs.fileno()), *self._preloaded],
                    cwd=ROOT,
                    pass_fds=[theirs.fileno()],
                    env={**os.environ, **self._variables},
                )
            atexit.register(_stop, self._channel, server)
        return self._channel


def _stop(channel: socket.socket, server: subprocess.Popen[bytes]) -> None:
    channel.close()
    server.wait()


async def _exit_code(reader: asyncio.StreamReader) -> int:
    return int(await reader.readline())


def serve(channel: socket.socket) -> tuple[str, list[str]]:
    """Fork for each order until its caller is gone; return in a fork, with what it is to run."""
    with selectors.DefaultSelector() as selector:
        selector.register(channel, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not channel:
                    _report(selector, key)
                elif order := _take(channel, selector):
                    return order


def _take(channel: socket.socket, selector: selectors.BaseSelector) -> tuple[str, list[str]] | None:
    data, files, _, _ = socket.recv_fds(channel, _MOST_BYTES, 4)
    if not data:
        os._exit(0)  # the caller is gone
    order, (status, *given) = json.loads(data), files
    if pid := os.fork():
        os.write(status, b"%d\n" % pid)
        for file in given:
            os.close(file)
        selector.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, status))
        return None
    for key in list(selector.get_map().values()):
        if key.data:
            os.close(key.data[1])
            os.close(key.fd)
    channel.close()
    os.close(status)
    for standard, file in zip(order["standard"], given, strict=True):
        os.dup2(file, standard)
        os.close(file)
    os.chdir(order["directory"])
    os.environ.clear()
    os.environ.update(order["env"])
    tempfile.tempdir = None  # by the environment that it has now
    return order["module"], order["arguments"]


def _report(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    pid, status = key.data
    _, ended = os.waitpid(pid, 0)
    with contextlib.suppress(BrokenPipeError):  # nobody asks any more
        os.write(status, b"%d\n" % os.waitstatus_to_exitcode(ended))
    selector.unregister(key.fileobj)
    os.close(key.fd)
    os.close(status)


def _preload(names: list[str]) -> None:
    for name in names:
        __import__(name)
    gc.freeze()


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as its_channel:
        _preload(sys.argv[2:])
        its_module, its_arguments = serve(its_channel)
    sys.argv[1:] = its_arguments
    runpy.run_module(its_module, run_name="__main__", alter_sys=True)
