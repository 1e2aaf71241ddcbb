"""What Discord refuses beyond its own description of the API. Pure checks of payloads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from bot.sandbox.errors import Problem
from bot.sandbox.model import COMPONENTS_V2

Json = dict[str, Any]
Path = tuple[str | int, ...]

_CONTENT = 2000
_EMBEDS_TOTAL = 6000
_COMMAND_TOTAL = 8000
_COMMANDS_OF_TYPE = {1: 100, 2: 15, 3: 15}
_COMMAND_NAME = re.compile(r"[-_'\w]{1,32}")
_LINK_STYLE, _PREMIUM_STYLE = 5, 6


def message_problems(payload: Json, path: Path = ()) -> Iterator[Problem]:
    """Yield the problems of a message's body, as it is sent or edited."""
    content = payload.get("content")
    if isinstance(content, str) and len(content) > _CONTENT:
        message = f"Must be {_CONTENT} or fewer in length."
        yield Problem((*path, "content"), "BASE_TYPE_MAX_LENGTH", message)
    total = sum(_embed_length(embed) for embed in payload.get("embeds") or ())
    if total > _EMBEDS_TOTAL:
        message = f"Embed size exceeds maximum size of {_EMBEDS_TOTAL}"
        yield Problem((*path, "embeds"), "MAX_EMBED_SIZE_EXCEEDED", message)
    yield from _component_problems(payload, path)


def _embed_length(embed: Json) -> int:
    texts = [embed.get("title"), embed.get("description")]
    texts += [(embed.get("footer") or {}).get("text"), (embed.get("author") or {}).get("name")]
    for item in embed.get("fields") or ():
        texts += [item["name"], item["value"]]
    return sum(len(text) for text in texts if text)


def _component_problems(payload: Json, path: Path) -> Iterator[Problem]:
    components = payload.get("components") or []
    v2 = bool((payload.get("flags") or 0) & COMPONENTS_V2)
    if v2 and (payload.get("content") or payload.get("embeds")):
        message = (
            "The 'content' and 'embeds' fields cannot be used with MessageFlags.IS_COMPONENTS_V2"
        )
        yield Problem(
            (*path, "flags"), "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2", message
        )
    if not v2 and len(components) > 5:
        yield Problem(
            (*path, "components"), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length."
        )
    flat = list(_flat(components, (*path, "components")))
    for place, component in flat:
        if component["type"] == 2:
            yield from _button_problems(component, place)
    custom_ids = Counter(part["custom_id"] for _, part in flat if part.get("custom_id"))
    for custom_id in (name for name, times in custom_ids.items() if times > 1):
        message = f"Component custom id cannot be duplicated: {custom_id}"
        yield Problem((*path, "components"), "COMPONENT_CUSTOM_ID_DUPLICATED", message)


def _button_problems(button: Json, path: Path) -> Iterator[Problem]:
    style = button["style"]
    if style == _LINK_STYLE:
        if not button.get("url"):
            yield Problem((*path, "url"), "BUTTON_COMPONENT_URL_REQUIRED", "A url is required")
    elif style != _PREMIUM_STYLE and not button.get("custom_id"):
        message = "A custom id is required"
        yield Problem((*path, "custom_id"), "BUTTON_COMPONENT_CUSTOM_ID_REQUIRED", message)
    if style != _PREMIUM_STYLE and not (button.get("label") or button.get("emoji")):
        message = "A button needs a label or an emoji"
        yield Problem((*path, "label"), "BUTTON_COMPONENT_INVALID_EMOJI_OR_LABEL", message)


def _flat(components: list[Json], path: Path) -> Iterator[tuple[Path, Json]]:
    for index, component in enumerate(components):
        place = (*path, index)
        yield place, component
        yield from _flat(component.get("components") or [], (*place, "components"))
        inner = component.get("accessory") or component.get("component")
        if inner:
            yield (*place, "component"), inner


def modal_problems(data: Json) -> Iterator[Problem]:
    """Yield the problems of the ``data`` of an answer that shows a modal."""
    if len(data["components"]) > 5:
        message = "Must be between 1 and 5 in length."
        yield Problem(("data", "components"), "BASE_TYPE_BAD_LENGTH", message)


def command_problems(commands: list[Json]) -> Iterator[Problem]:
    """Yield the problems of a whole list of commands, as it is registered."""
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


def callback_problems(payload: Json) -> Iterator[Problem]:
    """Yield the problems of an interaction's first answer: a message's or a modal's."""
    data = payload.get("data")
    check: Callable[[Json], Iterator[Problem]] | None = {
        4: lambda found: message_problems(found, ("data",)),
        7: lambda found: message_problems(found, ("data",)),
        9: modal_problems,
    }.get(payload["type"])
    if data and check is not None:
        yield from check(data)
