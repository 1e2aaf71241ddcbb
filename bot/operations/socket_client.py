"""Asks the running bot for something, through its owner's socket. Blocking."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

from bot.core.config import Settings
from bot.core.errors import StartupError
from bot.operations.wire import (
    MAX_ANSWER,
    Answer,
    Request,
    SocketError,
    WireError,
    decode_answer,
    encode_request,
    socket_path,
)

_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 600.0  # an announcement may be to many


class NotRunningError(StartupError):
    """No bot answers at the socket."""


def ask(settings: Settings, do: str, said: dict[str, Any]) -> Answer:
    """Return what the running bot answers. Raises NotRunningError, SocketError."""
    path = socket_path(settings)
    with socket.socket(socket.AF_UNIX) as connected:
        connected.settimeout(_CONNECT_SECONDS)
        try:
            connected.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NotRunningError(
                f"No bot takes commands at {path}: start it with `hotshot-bot run`, or name its "
                "config with --config."
            ) from error
        except OSError as error:
            raise SocketError(
                f"The running bot's socket {path} can't be used ({error.strerror or error}); run "
                "this as the user that the bot runs as."
            ) from error
        try:
            connected.settimeout(_ANSWER_SECONDS)
            with contextlib.suppress(BrokenPipeError):  # it has said why, and reads no more
                connected.sendall(encode_request(Request(do, said)))
            return decode_answer(_read_line(connected))
        except OSError as error:
            raise SocketError(
                f"The running bot broke off the connection ({error.strerror or error}); see its "
                "log."
            ) from error
        except WireError as error:
            raise SocketError(f"The running bot's answer can't be understood: {error}.") from error


def _read_line(connected: socket.socket) -> bytes:
    """Return what comes until the line's end. Raises WireError."""
    parts: list[bytes] = []
    size = 0
    while part := connected.recv(64 * 1024):
        parts.append(part)
        size += len(part)
        if part.endswith(b"\n"):
            return b"".join(parts)
        if size > MAX_ANSWER:
            break
    raise WireError("it didn't end")
