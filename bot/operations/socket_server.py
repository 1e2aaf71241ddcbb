"""The owner's socket: takes operations from a shell on the bot's machine, of the same user alone.

The socket may be opened by its owner only (0600), lies in a directory that is (0700), and each
connection is asked whose it is. What comes is bounded in size, time and number. A bot whose socket
can't be made runs without one, and says so in its log.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import stat
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.core.config import Settings
from bot.core.translations import in_language
from bot.operations.needs import Operator
from bot.operations.operations import Operations
from bot.operations.outcome import shell_text
from bot.operations.wire import (
    MAX_REQUEST,
    Answer,
    SocketError,
    WireError,
    decode_request,
    encode_answer,
    socket_path,
)
from generator.contract.text import TranslatableError

logger = logging.getLogger(__name__)

_MOST_CONNECTIONS = 16
_IDLE_SECONDS = 30.0
_CREDENTIALS = struct.Struct("3i")  # process, user and group, as Linux has them
_PRIVATE, _OTHERS = 0o700, 0o077
_WRONG = "That can't be understood: {reason}."
_BUSY = "Too many commands at once; try again in a moment."
_FOREIGN = "Only the user that the bot runs as may do that."
_INTERNAL = "Something went wrong inside the bot; the details are in its log."


@asynccontextmanager
async def owner_socket(operations: Operations, settings: Settings) -> AsyncIterator[None]:
    """Take commands meanwhile; where that can't be, log why and go on."""
    try:
        path = socket_path(settings)
        opened = await asyncio.to_thread(_listen, path)
    except SocketError as error:
        logger.warning("`hotshot-bot owner` can't reach this bot: %s", error)
        yield
        return
    server = OwnerServer(operations)
    try:
        listening = await asyncio.start_unix_server(server.serve, sock=opened, limit=MAX_REQUEST)
        yield
    finally:
        listening.close()
        await server.close()
        with contextlib.suppress(OSError):
            path.unlink()


class OwnerServer:
    """Serves connections; ``users`` may ask for something, by default the bot's own and root."""

    def __init__(self, operations: Operations, users: frozenset[int] | None = None) -> None:
        self._operations = operations
        self._users = frozenset({os.geteuid(), 0}) if users is None else users
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer line after line, until the other side has enough."""
        task = asyncio.current_task()
        if task is None:
            return
        self._tasks.add(task)
        try:
            if refusal := self._refusal(writer):
                writer.write(encode_answer(Answer(error=refusal)))
                await writer.drain()
                return
            await self._converse(reader, writer)
        except (OSError, TimeoutError):  # it went away, or says nothing
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def close(self) -> None:
        """End every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _refusal(self, writer: asyncio.StreamWriter) -> str:
        if len(self._tasks) > _MOST_CONNECTIONS:
            return _BUSY
        user = peer_user(writer.get_extra_info("socket"))
        if user is not None and user not in self._users:
            logger.warning("user %d was refused at the owner's socket", user)
            return _FOREIGN
        return ""

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                async with asyncio.timeout(_IDLE_SECONDS):
                    line = await reader.readline()
            except ValueError:  # what asyncio makes of too long a line; where it ends isn't known
                too_long = _WRONG.format(reason=f"a line has at most {MAX_REQUEST} bytes")
                writer.write(encode_answer(Answer(error=too_long)))
                await writer.drain()
                return
            if not line:
                return
            writer.write(encode_answer(await self._answer(line)))
            async with asyncio.timeout(_IDLE_SECONDS):
                await writer.drain()

    async def _answer(self, line: bytes) -> Answer:
        try:
            request = decode_request(line)
            with in_language(""):
                done = await self._operations.run(request.do, request.said, Operator())
            return Answer(done.values, shell_text(done.lines))
        except WireError as error:
            return Answer(error=_WRONG.format(reason=error))
        except TranslatableError as error:
            return Answer(error=str(error))
        except Exception:  # the edge: whoever asked hears of it, the log has it all
            logger.exception("a command from a shell failed")
            return Answer(error=_INTERNAL)


def peer_user(connected: socket.socket) -> int | None:
    """Return the id of the user at the other end; None where the system doesn't say.

    There the rights of the socket and its directory are all that keeps others out.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    said = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, user, _ = _CREDENTIALS.unpack(said)
    return int(user)


def _listen(path: Path) -> socket.socket:
    """Return a socket that is bound at ``path``, in place of a dead bot's. Raises SocketError."""
    opened = socket.socket(socket.AF_UNIX)
    try:
        path.parent.mkdir(mode=_PRIVATE, exist_ok=True)
        _check_private(path.parent)
        _remove_stale(path)
        opened.bind(str(path))
        path.chmod(0o600)
    except OSError as error:
        opened.close()
        reason = error.strerror or error
        raise SocketError(
            f"The owner's socket {path} can't be made ({reason}); name another with owner.socket "
            "in the config."
        ) from error
    except SocketError:
        opened.close()
        raise
    opened.settimeout(0)
    return opened


def _check_private(directory: Path) -> None:
    facts = directory.stat()
    if facts.st_uid != os.geteuid() or stat.S_IMODE(facts.st_mode) & _OTHERS:
        raise SocketError(
            f"The directory {directory} of the owner's socket is open to others; `chmod 700` it, "
            "or name a socket in another one by owner.socket in the config."
        )


def _remove_stale(path: Path) -> None:
    """Remove the socket of a bot that is gone. Raises SocketError where it isn't, or it is none."""
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise SocketError(f"{path} isn't a socket; name another with owner.socket in the config.")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        with contextlib.suppress(ConnectionRefusedError):
            probe.connect(str(path))
            raise SocketError(
                f"Another bot takes commands at {path}; name another with owner.socket in the "
                "config."
            )
    path.unlink()
