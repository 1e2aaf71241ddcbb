"""Checks that an interaction has the shape that Discord describes. Pure.

Only shapes are checked here, so that nothing behind has to ask whether a list is one. Which values
are allowed is for each command, button and form to say.
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_COMMAND, _COMPONENT, _AUTOCOMPLETE, _MODAL = 2, 3, 4, 5
_SUB_COMMANDS = (1, 2)
_VALUES: dict[int, type | tuple[type, ...]] = {
    3: str,
    4: int,
    5: bool,
    **dict.fromkeys((6, 7, 8, 9, 11), str),  # ids
    10: (int, float),
}
_PRESSED = (2, 3, 5, 6, 7, 8)  # buttons and menus
_MAX_FILE_BYTES = 2**40  # bytes
_SNOWFLAKES = (6, 7, 8, 9, 11)
_MAX_DEPTH = 6
_MAX_ENTRIES = 100  # entries of a list


class ShapeError(ValueError):
    """An event that is none of Discord's."""


def check_interaction(event: Any) -> None:
    """Raise ShapeError where a part that is used isn't of the kind that it should be."""
    whole = _object(event, "the event")
    for name in ("id", "application_id"):
        _snowflake(whole.get(name), name)
    _text(whole.get("token"), "token")
    kind = whole.get("type")
    if not isinstance(kind, int):
        raise ShapeError("its type isn't a number")
    _check_user(whole)
    _check_place(whole)
    limit = whole.get("attachment_size_limit", 0)
    if not isinstance(limit, int) or not 0 <= limit <= _MAX_FILE_BYTES:
        raise ShapeError("attachment_size_limit isn't a size")
    if not isinstance(whole.get("locale", ""), str):
        raise ShapeError("its locale isn't a text")
    _check_data(kind, _object(_value_or(whole, "data", {}), "data"))


def _check_user(event: Json) -> None:
    if str(event.get("guild_id")).strip("0") == "":
        raise ShapeError("guild_id isn't an id")
    # as discord.py looks for who asks
    holder = event if event.get("guild_id") is None else _object(event.get("member"), "member")
    user = _object(holder.get("user"), "user")
    _snowflake(user.get("id"), "user id")
    _text(user.get("username"), "user's name")
    for role in _list(_value_or(holder, "roles", []), "roles"):
        _snowflake(role, "role")


def _check_place(event: Json) -> None:
    for name in ("guild_id", "channel_id"):
        _snowflake(_value_or(event, name, "0"), name)
    channel = _object(_value_or(event, "channel", {}), "channel")
    for name in ("id", "parent_id"):
        _snowflake(_value_or(channel, name, "0"), f"channel's {name}")
    _snowflake(_object(_value_or(event, "message", {}), "message").get("id", "0"), "message")


def _check_data(kind: int, data: Json) -> None:
    if kind in (_COMMAND, _AUTOCOMPLETE):
        _text(data.get("name"), "command")
        if not isinstance(data.get("type", 1), int):
            raise ShapeError("the command's type isn't a number")
        _check_options(_value_or(data, "options", []), is_typed=kind == _AUTOCOMPLETE)
        _check_resolved(data)
    elif kind == _COMPONENT:
        _text(data.get("custom_id"), "custom_id")
        if data.get("component_type") not in _PRESSED:
            raise ShapeError("no such component can be pressed")
        for value in _list(_value_or(data, "values", []), "values"):
            _text(value, "value")
    elif kind == _MODAL:
        _text(data.get("custom_id"), "custom_id")
        _check_fields(_value_or(data, "components", []))
        _check_resolved(data)


def _check_options(options: Any, *, is_typed: bool, depth: int = 0) -> None:
    """Raise ShapeError for options that aren't of the type they say.

    While somebody types (``is_typed``), a value may still be anything plain.
    """
    if depth > _MAX_DEPTH:
        raise ShapeError("options are nested too deeply")
    for each in _list(options, "options"):
        option = _object(each, "option")
        _text(option.get("name"), "option's name")
        kind = option.get("type")
        if kind in _SUB_COMMANDS:
            _check_options(option.get("options", []), is_typed=is_typed, depth=depth + 1)
            continue
        value, wanted = option.get("value"), _VALUES.get(kind) if isinstance(kind, int) else None
        if wanted is None:
            raise ShapeError("an option is of an unknown type")
        if is_typed and isinstance(value, str | int | float):
            continue
        is_flag = isinstance(value, bool) and wanted is not bool
        if not isinstance(value, wanted) or is_flag:
            raise ShapeError(f"the option {option['name'][:40]!r} is not of the type it says")
        if kind in _SNOWFLAKES:
            _snowflake(value, "option's value")


def _check_resolved(data: Json) -> None:
    resolved = _object(_value_or(data, "resolved", {}), "resolved")
    for kind, found in resolved.items():
        for key, each in _object(found, kind).items():
            _snowflake(key, kind)
            whole = _object(each, kind)
            if kind == "attachments":
                _check_attachment(whole)
            elif kind == "messages":
                for attachment in _list(_value_or(whole, "attachments", []), "attachments"):
                    _check_attachment(_object(attachment, "attachment"))


def _check_attachment(attachment: Json) -> None:
    _snowflake(attachment.get("id"), "attachment")
    for name in ("url", "filename"):
        if not isinstance(attachment.get(name, ""), str):
            raise ShapeError(f"an attachment's {name} isn't a text")
    if not isinstance(attachment.get("size", 0), int):
        raise ShapeError("an attachment's size isn't a number")


def _check_fields(components: Any, depth: int = 0) -> None:
    if depth > _MAX_DEPTH:
        raise ShapeError("components are nested too deeply")
    for each in _list(components, "components"):
        part = _object(each, "component")
        if "value" in part and not isinstance(part["value"], str | bool | None):
            raise ShapeError("a field's value is neither a text nor yes or no")
        for chosen in _list(_value_or(part, "values", []), "values"):
            _text(chosen, "value")
        if part.get("components") is not None:
            _check_fields(part["components"], depth + 1)
        if part.get("component") is not None:
            _check_fields([part["component"]], depth + 1)


def _value_or(holder: Json, name: str, default: Any) -> Any:
    """Return what stands under ``name``, or ``default``; null is the same as nothing."""
    value = holder.get(name)
    return default if value is None else value


def _object(value: Any, what: str) -> Json:
    if not isinstance(value, dict):
        raise ShapeError(f"{what} isn't an object")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MAX_ENTRIES:
        raise ShapeError(f"{what} isn't a list of that length")
    return value


def _text(value: Any, what: str) -> None:
    if not isinstance(value, str):
        raise ShapeError(f"{what} isn't a text")


def _snowflake(value: Any, what: str) -> None:
    digits = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and int(digits) < 2**63):
        raise ShapeError(f"{what} isn't an id")
