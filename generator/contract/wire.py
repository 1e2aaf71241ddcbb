"""Messages as JSON, and back: what travels between a bot and its workers, on whichever way.

Each message is an object with its name, the version of all messages, and its fields. A version or
a name that this side doesn't know is refused by what it is; a field that it doesn't know is left
out, so that a newer side may say more. What a request asks for is the exception: a worker that
left out a part of it would make something else, so there an unknown key is refused as well.
Nothing is ever pickled, since whoever sends a pickle runs code here. Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, partial
from typing import Any, cast, get_args, get_origin, get_type_hints

from generator.contract.bounds import shorten
from generator.contract.errors import FailureKind, MessageError, RequestError
from generator.contract.file_reference import FileReference
from generator.contract.json_text import JsonError, parse_json
from generator.contract.messages import (
    MAX_TOGETHER,
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
    fields_of: dict[str, Any] = _to_json(message)
    return head | fields_of


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
        return cast(Message, _reader(cast(Hashable, kind))(values))
    except (KeyError, TypeError, ValueError) as error:
        raise MessageError(
            "A message can't be read ({reason}).", reason=f"{name}: {shorten(str(error))}"
        ) from error


def _to_json(value: Any) -> Any:
    """Return a field's value as JSON has it."""
    write = _writer(cast(Hashable, type(value)))
    return value if write is None else write(value)


@cache
def _writer(kind: Any) -> Callable[[Any], Any] | None:
    """Return what writes values of a type; None where JSON has them as they are."""
    if hasattr(kind, "to_dict"):
        return cast(Callable[[Any], Any], kind.to_dict)
    if is_dataclass(kind):
        names = tuple(_hints(cast(Hashable, kind)))
        return lambda value: {name: _to_json(getattr(value, name)) for name in names}
    if issubclass(kind, tuple):
        return lambda value: [_to_json(each) for each in value]
    return None


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    """Return what reads what ``_to_json`` wrote of a type; KeyError, TypeError, ValueError."""
    if get_origin(kind) is tuple:
        read = _reader(get_args(kind)[0])
        return lambda value: tuple(map(read, _checked(list, value)))
    if kind is float:
        return lambda value: float(_checked((int, float), value))
    if kind in (str, int, bool):
        return lambda value: value if type(value) is kind else _checked(kind, value)
    return _READERS.get(kind) or partial(_read_fields, kind)


def _read_fields(kind: Any, values: Any) -> Any:
    """Return a dataclass; a field that has a default may be absent."""
    given = _checked(Mapping, values)
    read = {name: reader(given[name]) for name, reader in _field_readers(kind) if name in given}
    for name in _required(kind):
        if name not in read:
            raise ValueError(f"{name} is missing")
    if kind is Capabilities:
        read["unknown"] = tuple(shorten(name) for name in sorted(given.keys() - read))
    return kind(**read)


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
    companions = _checked(int, values.get("companions", 0))
    if not 0 <= companions < MAX_TOGETHER:
        raise ValueError(f"{companions} companions")
    has_waited = _checked(bool, values.get("has_waited", False))
    suffix = _checked(str, values["suffix"])
    return Generate(job_id, attempt, request, suffix, companions, has_waited)


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


@cache
def _field_readers(kind: Any) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """Return what reads each field that travels."""
    return tuple((name, _reader(hint)) for name, hint in _hints(kind).items())


@cache
def _required(kind: Any) -> tuple[str, ...]:
    """Return the fields that have no default."""
    return tuple(each.name for each in fields(kind) if each.default is MISSING)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """Return the types of what travels of a value of this kind."""
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind) if each.compare}
