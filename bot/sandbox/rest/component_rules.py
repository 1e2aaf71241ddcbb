"""What Discord refuses of components beyond its own description of the API. Pure checks.

The codes are Discord's where public reports show them; of the others only the path is sure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

from bot.sandbox.components import (
    ACTION_ROW,
    ATTACHMENT,
    BUTTON,
    CHECKBOX_GROUP,
    FILE,
    FILE_UPLOAD,
    RADIO_GROUP,
    SELECTS,
    STRING_SELECT,
    TEXT_DISPLAY,
    TEXT_INPUT,
    Path,
    counts_of,
    media_of,
    walk,
)
from bot.sandbox.errors import Problem

Json = dict[str, Any]

_ROWS = 5  # of a message without the flag, and parts of a form
_COMPONENTS = 40  # of a message, nested ones counted
_TEXT = 4000  # characters of all text displays of a message
_WIDTH = 5  # of a row, in buttons
_LINK_STYLE, _PREMIUM_STYLE = 5, 6
_SCHEMES = ("http", "https", "attachment")
_COUNTED = SELECTS | {FILE_UPLOAD, CHECKBOX_GROUP}  # have min_values and max_values
_BAD_LENGTH = f"Must be between 1 and {_ROWS} in length."


def message_component_problems(
    components: list[Json], path: Path, *, is_v2: bool, files: Collection[str]
) -> Iterator[Problem]:
    """Yield the problems of a message's components; ``files`` are the names that it may show."""
    place = (*path, "components")
    yield from _whole_problems(components, place) if is_v2 else _legacy_problems(components, place)
    yield from _uniqueness_problems(components, place)
    for where, component in walk(components, place):
        if component["type"] == ACTION_ROW:
            yield from _width_problems(component, where)
        elif component["type"] == BUTTON:
            yield from _button_problems(component, where)
        elif component["type"] in SELECTS:
            yield from _choice_problems(component, where)
        yield from _media_problems(component, where, files)


def form_problems(form: Json, path: Path) -> Iterator[Problem]:
    """Yield the problems of a form, the ``data`` of an answer that shows one."""
    place = (*path, "components")
    if len(form["components"]) > _ROWS:
        yield Problem(place, "BASE_TYPE_BAD_LENGTH", _BAD_LENGTH)
    yield from _uniqueness_problems(form["components"], place)
    for where, component in walk(form["components"], place):
        kind = component["type"]
        if kind == ACTION_ROW:
            yield from _form_row_problems(component, where)
        elif kind == TEXT_INPUT:
            yield from _text_input_problems(component, where)
        elif kind in _COUNTED or kind == RADIO_GROUP:
            yield from _choice_problems(component, where)
            yield from _required_problems(component, where)


# -- of all components together --------------------------------------------------------------------


def _whole_problems(components: list[Json], place: Path) -> Iterator[Problem]:
    every = [part for _, part in walk(components)]
    if len(every) > _COMPONENTS:
        message = f"The maximum number of total components ({_COMPONENTS}) was exceeded"
        yield Problem(place, "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED", message)
    if sum(len(part["content"]) for part in every if part["type"] == TEXT_DISPLAY) > _TEXT:
        message = f"Components displayable text size exceeds maximum size of {_TEXT}"
        yield Problem(place, "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED", message)


def _legacy_problems(components: list[Json], place: Path) -> Iterator[Problem]:
    """Yield what a message without the flag can't have: rows are all it takes, and five of them."""
    if len(components) > _ROWS:
        yield Problem(place, "BASE_TYPE_BAD_LENGTH", _BAD_LENGTH)
    for index, component in enumerate(components):
        if component["type"] != ACTION_ROW:
            message = 'Value of field "type" must be one of (1,).'
            yield Problem((*place, index, "type"), "UNION_TYPE_CHOICES", message)


def _uniqueness_problems(components: list[Json], place: Path) -> Iterator[Problem]:
    for key, words in (("custom_id", "custom id"), ("id", "id")):
        counts = Counter(part[key] for _, part in walk(components) if part.get(key))
        for value in (value for value, times in counts.items() if times > 1):
            message = f"Component {words} cannot be duplicated: {value}"
            yield Problem(place, f"COMPONENT_{key.upper()}_DUPLICATED", message)


# -- of one component ------------------------------------------------------------------------------


def _width_problems(row: Json, path: Path) -> Iterator[Problem]:
    """Yield the parts of a row that have no room: five buttons fill it, and so does one menu."""
    width = 0
    for index, part in enumerate(row["components"]):
        width += 1 if part["type"] == BUTTON else _WIDTH
        if width > _WIDTH:
            message = "The specified component exceeds the maximum width"
            where = (*path, "components", index)
            yield Problem(where, "COMPONENT_LAYOUT_WIDTH_EXCEEDED", message)


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


def _media_problems(component: Json, path: Path, files: Collection[str]) -> Iterator[Problem]:
    for inside, media in media_of(component):
        where, url = (*path, *inside, "url"), media["url"]
        name = url.removeprefix(ATTACHMENT)
        if component["type"] == FILE and name == url:
            message = f"Only {ATTACHMENT} is supported here"
            yield Problem(where, "UNFURLED_MEDIA_ITEM_ATTACHMENT_REQUIRED", message)
        elif name == url and url.partition(":")[0].lower() not in _SCHEMES:
            message = f"Scheme must be one of {_SCHEMES}."
            yield Problem(where, "URL_TYPE_INVALID_SCHEME", message)
        elif name != url and name not in files:
            message = f"The referenced attachment {name} was not found"
            yield Problem(where, "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND", message)


def _choice_problems(component: Json, path: Path) -> Iterator[Problem]:
    """Yield the problems of what offers a choice: of its options, and of how many may be taken."""
    options = component.get("options") or []
    values = Counter(option["value"] for option in options)
    for index, option in enumerate(options):
        if values[option["value"]] > 1:
            where = (*path, "options", index, "value")
            message = "The specified option value is already used"
            yield Problem(where, "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message)
    fewest, most = counts_of(component)
    if fewest > most:
        message = f"int value should be less than or equal to {most}."
        yield Problem((*path, "min_values"), "NUMBER_TYPE_MAX", message)
    if component["type"] in (STRING_SELECT, CHECKBOX_GROUP) and most > len(options):
        message = f"Must be between {most} and 25 in length."
        yield Problem((*path, "options"), "BASE_TYPE_BAD_LENGTH", message)
    if sum(bool(option.get("default")) for option in options) > most:
        message = f"At most {most} can be chosen from the beginning"
        yield Problem((*path, "options"), "SELECT_COMPONENT_TOO_MANY_DEFAULT_VALUES", message)


# -- of a form alone -------------------------------------------------------------------------------


def _form_row_problems(row: Json, path: Path) -> Iterator[Problem]:
    yield from _width_problems(row, path)
    for index, part in enumerate(row["components"]):
        if not part.get("label"):
            where = (*path, "components", index, "label")
            yield Problem(where, "BASE_TYPE_REQUIRED", "This field is required")


def _text_input_problems(field: Json, path: Path) -> Iterator[Problem]:
    longest = field.get("max_length") or _TEXT
    if (field.get("min_length") or 0) > longest:
        message = f"int value should be less than or equal to {longest}."
        yield Problem((*path, "min_length"), "NUMBER_TYPE_MAX", message)
    if len(field.get("value") or "") > longest:
        message = f"Must be {longest} or fewer in length."
        yield Problem((*path, "value"), "BASE_TYPE_MAX_LENGTH", message)


def _required_problems(field: Json, path: Path) -> Iterator[Problem]:
    if field.get("required") is not False and field.get("min_values") == 0:
        message = "int value should be greater than or equal to 1."
        yield Problem((*path, "min_values"), "NUMBER_TYPE_MIN", message)
    if field.get("disabled"):
        message = "A component of a form can't be disabled"
        yield Problem((*path, "disabled"), "COMPONENT_DISABLED_IN_MODAL", message)
