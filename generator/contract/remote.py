"""What a bot and its GPU hosts say to each other beside the messages of jobs: frames and hellos.

A frame is a JSON object on one line, and after a line break the bytes that go with it, such as a
preview. Whoever reads one reads what a stranger may have written: sizes are bounded, each value is
of its type, and what isn't understood is a MessageError, never a traceback. No frame holds a path
or is pickled. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from generator.contract.bounds import shorten
from generator.contract.errors import MessageError, ModelError
from generator.contract.json_text import JsonError, parse_json
from generator.contract.limits import ModelLimits
from generator.contract.text import Text
from generator.contract.wire import WIRE_VERSION

CHUNK_BYTES = 256 * 1024  # of a file in one message; a server's usual limit is 1 MB
CHUNKS_IN_FLIGHT = 8
MAX_PREVIEW_BYTES = 2_000_000
MAX_FILE_BYTES = 512 * 2**20  # of what a host makes
HELLO_SECONDS = 1.0
LOST_AFTER_SECONDS = 4.5  # without a hello
LEASE_SECONDS = 15.0  # without a word from the bot
FETCH, UPLOAD = "fetch", "upload"
"""Stages of a job's progress while its files travel; no request plans them."""
TRAVEL_LABELS = {
    FETCH: Text("bringing the files to the GPU, {step} of {steps} MB"),
    UPLOAD: Text("bringing the GIF from the GPU, {step} of {steps} MB"),
}

_MOST_HEAD_BYTES = 256 * 1024
_MOST_TEXT = 200
_LARGEST = 2**53


def pack(values: dict[str, Any], body: bytes = b"") -> bytes:
    """Return a frame."""
    head = json.dumps(values, separators=(",", ":")).encode("ascii")
    return head + b"\n" + body if body else head


def unpack(frame: bytes) -> tuple[dict[str, Any], bytes]:
    """Return a frame's object and its bytes. Raises MessageError."""
    head, _, body = frame.partition(b"\n")
    if len(head) > _MOST_HEAD_BYTES:
        raise MessageError("A message can't be read ({reason}).", reason="too long")
    try:
        values = parse_json(str(head, "utf-8"))
    except (JsonError, UnicodeDecodeError) as error:
        reason = shorten(str(error))
        raise MessageError("A message can't be read ({reason}).", reason=reason) from error
    if not isinstance(values, dict):
        raise MessageError("A message can't be read ({reason}).", reason="no object")
    return values, body


def text_of(values: dict[str, Any], name: str) -> str:
    """Return a short text of a frame. Raises MessageError."""
    value = values.get(name)
    if not isinstance(value, str):
        raise _not_there(name)
    if len(value) > _MOST_TEXT:
        raise MessageError("A message can't be read ({reason}).", reason=f"{name}: too long")
    return value


def number_of(values: dict[str, Any], name: str) -> int:
    """Return a whole number of a frame, 0 or more. Raises MessageError."""
    value = values.get(name)
    if not isinstance(value, int):
        raise _not_there(name)
    if isinstance(value, bool) or not 0 <= value <= _LARGEST:
        raise MessageError("A message can't be read ({reason}).", reason=f"{name}: no number")
    return value


def object_of(values: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object within a frame. Raises MessageError."""
    value = values.get(name)
    if not isinstance(value, dict):
        raise _not_there(name)
    return value


def _not_there(name: str) -> MessageError:
    return MessageError("A message can't be read ({reason}).", reason=f"{name}: not there")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """What a worker says of itself each second.

    ``boot`` is another one whenever its agent was started anew. ``session`` is the bot's that it
    works for, empty where it works for nobody. ``state`` is down, loading, idle, busy or draining;
    ``job`` and ``attempt`` are what it is at. ``model_hash`` tells models of one name apart.
    ``memory`` is what its process holds, ``memory_limit`` what that may hold, ``cached`` what the
    host's cache of files holds, all in bytes. No clock is compared: hosts' clocks may be wrong.
    """

    boot: str
    wire: int = WIRE_VERSION
    package: str = ""
    python: str = ""
    session: str = ""
    state: str = "down"
    job: str = ""
    attempt: int = 0
    model: str = ""
    model_hash: str = ""
    card: str = ""
    memory: int = 0
    memory_limit: int = 0
    cached: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what ``to_dict`` wrote, of another version as well. Raises MessageError."""
        read = {"text": text_of, "number": number_of}
        kinds = {each.name: "number" if each.type == "int" else "text" for each in fields(cls)}
        given = {name: read[kind](values, name) for name, kind in kinds.items() if name in values}
        if not given.get("boot"):
            raise MessageError("A message can't be read ({reason}).", reason="boot: not there")
        return cls(**given)  # type: ignore[arg-type]  # checked by the table above


def model_hash(model: str) -> str:
    """Return what tells models of one name apart, by their configs; "" where none is here."""
    try:
        limits = ModelLimits.of(model)
    except ModelError:
        return ""
    said = json.dumps(asdict(limits), sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()[:16]
