"""Messages as JSON, and back: what travels between a bot and its workers, on whichever way.

Each message is an object with its name, the version of all messages, and its fields. A version or
a name that this side doesn't know is refused by what it is; a field that it doesn't know is left
out, so that a newer side may say more. What a request asks for is the exception: a worker that
left out a part of it would make something else, so there an unknown key is refused as well.
Nothing is ever pickled, since whoever sends a pickle runs code here. Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, partial
from typing import Any, cast, get_args, get_origin, get_type_hints

from generator.contract.bounds import shorten
from generator.contract.errors import FailureKind, MessageError, RequestError
from generator.contract.file_reference import FileReference
from generator.contract.json_text import JsonError, parse_json
from generator.contract.messages import (
    Cancel,
    Cancelled,
    Capabilities,
    Failed,
    Finished,
    Generate,
    Message,
    Progress,
    Ready,
    Request,
    Shutdown,
    SlotFreed,
    Started,
    StartFailed,
)
from generator.contract.text import Text

WIRE_VERSION = 1
"""Of all messages: another one where a side of before would take a message for something else."""

_NAMES: dict[str, type[Any]] = {
    "generate": Generate,
    "cancel": Cancel,
    "shutdown": Shutdown,
    "ready": Ready,
    "start_failed": StartFailed,
    "started": Started,
    "progress": Progress,
    "slot_freed": SlotFreed,
    "finished": Finished,
    "failed": Failed,
    "cancelled": Cancelled,
}
_NAME_OF = {kind: name for name, kind in _NAMES.items()}


class UnreadableRequestError(RequestError):
    """A job's message whose request this side doesn't understand; says which job that is."""

    def __init__(self, words: Text, job_id: str, attempt: int) -> None:
        super().__init__(words)
        self.job_id = job_id
        self.attempt = attempt


def encode(message: Message) -> bytes:
    """Return a message as JSON text."""
    return json.dumps(to_dict(message), separators=(",", ":")).encode("ascii")


def decode(data: bytes) -> Message:
    """Return the message that ``encode`` wrote. Raises MessageError, UnreadableRequestError."""
    try:
        values = parse_json(data)
    except JsonError as error:
        raise MessageError("A message can't be read ({reason}).", reason=error) from error
    return from_dict(values)


def to_dict(message: Message) -> dict[str, Any]:
    """Return a message as plain JSON values."""
    head = {"version": WIRE_VERSION, "message": _NAME_OF[type(message)]}
    return head | {name: _to_json(getattr(message, name)) for name in _hints(type(message))}


def from_dict(values: Any) -> Message:
    """Return the message that ``to_dict`` wrote. Raises MessageError, UnreadableRequestError."""
    if not isinstance(values, Mapping):
        raise MessageError("A message can't be read ({reason}).", reason="no object")
    version = values.get("version")
    if version != WIRE_VERSION:
        raise MessageError(
            "The bot and a worker are of different versions (messages of version {theirs}, not "
            "{ours}); install the same version of both.",
            theirs=shorten(str(version)),
            ours=WIRE_VERSION,
        )
    name = str(values.get("message"))
    kind = _NAMES.get(name)
    if kind is None:
        raise MessageError(
            "There is no message {name!r} in this version; a newer one may know it.",
            name=shorten(name),
        )
    try:
        return cast(Message, _from_json(kind, values))
    except (KeyError, TypeError, ValueError) as error:
        raise MessageError(
            "A message can't be read ({reason}).", reason=f"{name}: {shorten(str(error))}"
        ) from error


def _to_json(value: Any) -> Any:
    """Return a field's value as JSON has it."""
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if is_dataclass(value):
        return {name: _to_json(getattr(value, name)) for name in _hints(type(value))}
    return [_to_json(each) for each in value] if isinstance(value, tuple) else value


def _from_json(kind: Any, value: Any) -> Any:
    """Return what ``_to_json`` wrote of a value of this type; KeyError, TypeError, ValueError."""
    if get_origin(kind) is tuple:
        return tuple(_from_json(get_args(kind)[0], each) for each in _checked(list, value))
    if kind is float:
        return float(_checked((int, float), value))
    if kind in (str, int, bool):
        return _checked(kind, value)
    read = _READERS.get(kind) or partial(_read_fields, kind)
    return read(value)


def _read_fields(kind: type[Any], values: Any) -> Any:
    read = _fields(kind, _checked(Mapping, values))
    for each in fields(kind):
        if each.name not in read and each.default is MISSING:
            raise ValueError(f"{each.name} is missing")
    return kind(**read)


def _fields(kind: type[Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields that a message of this kind has; one with a default may be absent."""
    read = {
        name: _from_json(hint, values[name])
        for name, hint in _hints(kind).items()
        if name in values
    }
    if kind is Capabilities:
        read["unknown"] = tuple(shorten(name) for name in sorted(values.keys() - read))
    return read


def _generate(values: Any) -> Generate:
    job_id, attempt = _checked(str, values["job_id"]), _checked(int, values["attempt"])
    asked = _checked(dict, values["request"])
    unknown = asked.keys() - {"version", *_hints(Request)}
    try:
        request = Request.from_dict(asked)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        text = Text(
            "The worker is of another version and doesn't understand this request ({reason}).",
            reason=shorten(", ".join(sorted(unknown)) or str(error)),
        )
        raise UnreadableRequestError(text, job_id, attempt) from error
    return Generate(job_id, attempt, request, _checked(str, values["suffix"]))


def _checked(kind: Any, value: Any) -> Any:
    """Return a value of this type. Raises TypeError; a bool is no number."""
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{shorten(repr(value))} isn't what is expected there")
    return value


def _failure_kind(value: Any) -> FailureKind:
    """Return a kind of failure; one that only a newer worker knows is told by its sentence."""
    try:
        return FailureKind(_checked(str, value))
    except ValueError:
        return FailureKind.INTERNAL


_READERS: dict[Any, Callable[[Any], Any]] = {
    FailureKind: _failure_kind,
    FileReference: lambda value: FileReference.from_dict(_checked(Mapping, value)),
    Generate: _generate,
    Text: lambda value: Text.from_dict(_checked(Mapping, value)),
}


def _hints(kind: Any) -> dict[str, Any]:
    """Return the types of what travels of a value of this kind."""
    return _hints_of(kind)


@cache
def _hints_of(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind) if each.compare}
