"""What the running bot and ``hotshot-bot owner`` say to each other: a line of JSON each.

``{"version": 1, "do": "pause", "with": {"model": "anime"}}`` is answered by
``{"version": 1, "ok": true, "result": {...}, "text": "..."}`` or
``{"version": 1, "ok": false, "error": "..."}``. A connection may ask again and again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.core.config import Settings
from bot.core.errors import StartupError
from generator.contract.json_text import JsonError, parse_json

VERSION = 1
MAX_REQUEST = 64 * 1024  # bytes of a line
MAX_ANSWER = 8 * 1024 * 1024
_LONGEST_PATH = 104  # bytes that macOS has for a socket's path, with its end; Linux has 108
_DIRECTORY, _NAME = "owner", "socket"


class SocketError(StartupError):
    """The owner's socket can't be used; says why and what to do."""


class WireError(ValueError):
    """A line that isn't of this protocol; says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """An operation by its name, and what is said with it."""

    do: str
    said: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it; ``error`` is a sentence, empty where it was done."""

    result: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    error: str = ""


def encode_request(request: Request) -> bytes:
    """Return a request as a line."""
    return _line({"version": VERSION, "do": request.do, "with": request.said})


def decode_request(line: bytes) -> Request:
    """Return the request of a line. Raises WireError."""
    said = _object(line)
    do, values = said.get("do"), said.get("with", {})
    if not isinstance(do, str) or not isinstance(values, dict):
        raise WireError('an object with "do", a name, and "with", an object, is expected')
    return Request(do, values)


def encode_answer(answer: Answer) -> bytes:
    """Return an answer as a line."""
    if answer.error:
        return _line({"version": VERSION, "ok": False, "error": answer.error})
    done = {"version": VERSION, "ok": True, "result": answer.result, "text": answer.text}
    return _line(done)


def decode_answer(line: bytes) -> Answer:
    """Return the answer of a line. Raises WireError."""
    said = _object(line)
    match said:
        case {"ok": True, "result": dict(result), "text": str(text)}:
            return Answer(result, text)
        case {"ok": False, "error": str(error)} if error:
            return Answer(error=error)
    raise WireError("it isn't an answer")


def socket_path(settings: Settings) -> Path:
    """Return where the bot of this config takes commands. Raises SocketError: it is too long."""
    own = settings.storage.data_dir.resolve() / _DIRECTORY / _NAME
    path = settings.owner.socket.absolute() if settings.owner.socket else own
    if len(str(path).encode()) >= _LONGEST_PATH:
        raise SocketError(
            f"The path of the owner's socket, {path}, is longer than the {_LONGEST_PATH - 1} "
            "bytes that the system has for one; name a shorter one with owner.socket in the "
            "config."
        )
    return path


def _object(line: bytes) -> dict[str, Any]:
    try:
        said = parse_json(line)
    except JsonError as error:
        raise WireError(f"it isn't JSON ({str(error)[:100]})") from error
    if not isinstance(said, dict) or said.get("version") != VERSION:
        raise WireError(
            f"version {VERSION} is spoken here; restart the bot if another version is installed now"
        )
    return said


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
