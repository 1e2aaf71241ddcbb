"""What Discord refuses beyond its own description of the API. Pure checks of payloads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from bot.sandbox import messages
from bot.sandbox.components import Path
from bot.sandbox.errors import Problem
from bot.sandbox.interactions import MESSAGE, MODAL, UPDATE
from bot.sandbox.messages import Body
from bot.sandbox.model import COMPONENTS_V2, Message
from bot.sandbox.rest.component_rules import form_problems, message_component_problems

Json = dict[str, Any]

_CONTENT = 2000
_EMBEDS_TOTAL = 6000
_COMMAND_TOTAL = 8000
_COMMANDS_OF_TYPE = {1: 100, 2: 15, 3: 15}
_COMMAND_NAME = re.compile(r"[-_'\w]{1,32}")
_LEGACY_FIELDS = ("content", "embeds", "sticker_ids", "poll")


def message_problems(
    body: Body, path: Path = (), before: Message | None = None
) -> Iterator[Problem]:
    """Yield the problems of a message's body as it is sent, or as it edits ``before``."""
    payload: Json = body.payload
    content = payload.get("content")
    if isinstance(content, str) and len(content) > _CONTENT:
        message = f"Must be {_CONTENT} or fewer in length."
        yield Problem((*path, "content"), "BASE_TYPE_MAX_LENGTH", message)
    total = sum(_embed_length(embed) for embed in payload.get("embeds") or ())
    if total > _EMBEDS_TOTAL:
        message = f"Embed size exceeds maximum size of {_EMBEDS_TOTAL}"
        yield Problem((*path, "embeds"), "MAX_EMBED_SIZE_EXCEEDED", message)
    asked = bool((payload.get("flags") or 0) & COMPONENTS_V2)
    is_v2 = asked or (before is not None and before.is_v2)
    if is_v2:
        yield from _flag_problems(payload, path, before, asked=asked)
    files = messages.names_to_show(body, before)
    components = payload.get("components") or []
    yield from message_component_problems(components, path, is_v2=is_v2, files=files)


def _flag_problems(
    payload: Json, path: Path, before: Message | None, *, asked: bool
) -> Iterator[Problem]:
    """Yield what stands against a message of components alone: the flag's loss, other contents."""
    if not asked and payload.get("flags") is not None:
        message = "MessageFlags.IS_COMPONENTS_V2 cannot be removed"
        yield Problem((*path, "flags"), "MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG", message)
    for field in _LEGACY_FIELDS:
        if _remains(payload, before, field):
            message = f"The '{field}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
            code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
            yield Problem((*path, field), code, message)


def _remains(payload: Json, before: Message | None, field: str) -> bool:
    """Return whether a message has ``field``, after an edit of ``before``. An empty content is one.

    What an edit doesn't name stays, so an edit that sets the flag has to take it away.
    """
    if field in payload:
        return payload[field] is not None if field == "content" else bool(payload[field])
    return bool(getattr(before, field, None))


def _embed_length(embed: Json) -> int:
    texts = [embed.get("title"), embed.get("description")]
    texts += [(embed.get("footer") or {}).get("text"), (embed.get("author") or {}).get("name")]
    for item in embed.get("fields") or ():
        texts += [item["name"], item["value"]]
    return sum(len(text) for text in texts if text)


def command_problems(body: Body) -> Iterator[Problem]:
    """Yield the problems of a whole list of commands, as it is registered."""
    commands: list[Json] = body.payload
    names = Counter((command.get("type") or 1, command["name"]) for command in commands)
    for (_, name), times in names.items():
        if times > 1:
            message = f"Application command names must be unique: {name}"
            yield Problem((), "APPLICATION_COMMANDS_DUPLICATE_NAME", message)
    for kind, most in _COMMANDS_OF_TYPE.items():
        if sum((command.get("type") or 1) == kind for command in commands) > most:
            message = f"At most {most} commands of this type."
            yield Problem((), "MAX_APPLICATION_COMMANDS", message)
    for index, command in enumerate(commands):
        if (command.get("type") or 1) == 1:
            yield from _chat_input_problems(command, (index,))
            if _command_length(command) > _COMMAND_TOTAL:
                message = f"Command exceeds maximum size ({_COMMAND_TOTAL})"
                yield Problem((index,), "APPLICATION_COMMAND_TOO_LARGE", message)


def _chat_input_problems(command: Json, path: Path) -> Iterator[Problem]:
    yield from _name_problems(command["name"], path)
    if not command.get("description"):
        yield Problem((*path, "description"), "BASE_TYPE_REQUIRED", "This field is required")
    yield from _option_problems(command.get("options") or [], (*path, "options"))


def _name_problems(name: str, path: Path) -> Iterator[Problem]:
    if not _COMMAND_NAME.fullmatch(name) or name != name.lower():
        message = "Command name is invalid"
        yield Problem((*path, "name"), "APPLICATION_COMMAND_INVALID_NAME", message)


def _option_problems(options: list[Json], path: Path) -> Iterator[Problem]:
    names = Counter(option["name"] for option in options)
    for name in (name for name, times in names.items() if times > 1):
        message = f"Option names must be unique: {name}"
        yield Problem(path, "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS", message)
    optional_seen = False
    for index, option in enumerate(options):
        place = (*path, index)
        yield from _name_problems(option["name"], place)
        if option.get("required") and optional_seen:
            message = "Required options must be placed before non-required options"
            yield Problem(place, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        optional_seen = optional_seen or not option.get("required")
        if option.get("choices") and option.get("autocomplete"):
            message = "Choices and autocomplete exclude each other"
            yield Problem(place, "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE", message)
        yield from _option_problems(option.get("options") or [], (*place, "options"))


def _command_length(part: Json) -> int:
    total = _longest(part, "name") + _longest(part, "description")
    for choice in part.get("choices") or ():
        total += _longest(choice, "name")
        total += len(choice["value"]) if isinstance(choice["value"], str) else 0
    return total + sum(_command_length(option) for option in part.get("options") or ())


def _longest(part: Json, key: str) -> int:
    """Return the length of a text in the language where it is longest: only that one counts."""
    localized = (part.get(f"{key}_localizations") or {}).values()
    return max(map(len, (part.get(key) or "", *localized)))


def callback_problems(body: Body, source: Message | None = None) -> Iterator[Problem]:
    """Yield the problems of an interaction's first answer: a message's or a form's.

    ``source`` is the message that the answer edits where it is of that type.
    """
    kind, data = body.payload["type"], body.payload.get("data")
    if not data:
        return
    if kind in (MESSAGE, UPDATE):
        content = Body(data, body.uploads)
        yield from message_problems(content, ("data",), source if kind == UPDATE else None)
    elif kind == MODAL:
        yield from form_problems(data, ("data",))
