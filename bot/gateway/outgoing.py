"""Cleans what the bot sends to Discord, and cuts it to Discord's limits.

Every message, edit, form and list of choices passes ``to_json`` on its way out, so whatever text
ends up in one, its reader gets an answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bot.gateway import discord_compat

MAX_CONTENT = 2000
_MAX_EMBEDS_TOGETHER = 5900  # characters of a message's embeds; Discord says 6000
_FENCE = "```"
_EMPTY = "…"  # where Discord wants at least one character that is seen

_COMPACT = json.JSONEncoder(separators=(",", ":"))

Json = dict[str, Any]


def install() -> None:
    """Have discord.py write all that it sends by ``to_json``."""
    discord_compat.replace_json_writer(to_json)


def to_json(obj: Any) -> str:
    """Return ``obj`` as JSON that Discord takes."""
    return _COMPACT.encode(fit_to_limits(obj))


def fit_to_limits(payload: Any) -> Any:
    """Return a copy without lone surrogates, with texts and lists within Discord's limits."""
    text = json.dumps(payload)
    copied = json.loads(text)  # sooner than to go through it here
    if may_be_unclean(text):
        copied = clean_json(copied)
    _cut(copied)
    return copied


# In JSON whose letters are all escaped, or are whole: a NUL, a half of a pair without the other,
# and a backslash before what only looks like an escape, which might be taken for such a half.
_UNCLEAN = re.compile(
    r"""
    \\ (?:
        u0000
        | \\u
        | u[dD][89abAB][0-9a-fA-F]{2} (?! \\u[dD][c-fC-F] )
        | (?<! \\u[dD][89abAB][0-9a-fA-F]{2} \\ ) u[dD][c-fC-F]
    )
    """,
    re.VERBOSE,
)


def may_be_unclean(text: str) -> bool:
    """Return whether texts in this JSON may hold lone surrogates or NULs, so must be cleaned."""
    return _UNCLEAN.search(text) is not None


def clean_text(text: str) -> str:
    """Return ``text`` without lone surrogates and NULs.

    Neither Discord nor a database takes these.
    """
    return text.encode("utf-8", "replace").decode().replace("\0", "") if _is_unclean(text) else text


def _is_unclean(text: str) -> bool:
    return (not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)) or (
        "\0" in text
    )


def clean_json(value: Any) -> Any:
    """Return a JSON value with every text in it cleaned, names of fields too."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_json(key): clean_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(each) for each in value]
    return value


# -- limits ----------------------------------------------------------------------------------------

_BUTTON, _MENU, _INPUT, _TEXT, _GALLERY, _LABEL = 2, 3, 4, 10, 12, 18  # types of components
_MAX_TEXT_TOGETHER = 4000  # characters of all text displays of a message
_MAX_PICTURES = 10  # of a gallery
_MAX_ALT_TEXT = 1024


def _cut(value: Any) -> None:
    """Cut a payload in place, wherever in it a message, a form or choices stand."""
    if isinstance(value, list):
        for each in value:
            _cut(each)
        return
    if not isinstance(value, dict):
        return
    _cut_message(value)
    for each in value.values():
        _cut(each)


def _cut_message(part: Json) -> None:
    if "content" in part and "type" not in part:  # a component has a type
        _shorten(part, "content", MAX_CONTENT)
    if isinstance(part.get("embeds"), list):
        _cut_embeds(part["embeds"])
    for component in part.get("components") or ():
        _cut_component(component)
    if "components" in part and "type" not in part:
        _cut_displays(part["components"] or ())
    for attachment in part.get("attachments") or ():
        _shorten(attachment, "description", _MAX_ALT_TEXT)
    if isinstance(part.get("choices"), list):
        del part["choices"][25:]
        for choice in part["choices"]:
            _shorten(choice, "name", 100, needed=True)
            for language in choice.get("name_localizations") or ():
                _shorten(choice["name_localizations"], language, 100)
    if "custom_id" in part and "title" in part:
        _shorten(part, "title", 45, needed=True)


def _cut_component(component: Json) -> None:
    kind = component.get("type")
    if kind == _BUTTON:
        _shorten(component, "label", 80)
    elif kind == _MENU:
        _shorten(component, "placeholder", 150)
        for option in component.get("options") or ():
            _shorten(option, "label", 100, needed=True)
            _shorten(option, "description", 100)
    elif kind == _INPUT:
        _shorten(component, "label", 45)
        _shorten(component, "placeholder", 100)
        _shorten(component, "value", min(4000, component.get("max_length") or 4000))
    elif kind == _GALLERY and isinstance(component.get("items"), list):
        del component["items"][_MAX_PICTURES:]
        for item in component["items"]:
            _shorten(item, "description", _MAX_ALT_TEXT)
    elif kind == _LABEL:
        _shorten(component, "label", 45, needed=True)
        _shorten(component, "description", 100)
    if isinstance(component.get("component"), dict):
        _cut_component(component["component"])


def _cut_displays(components: Sequence[Json]) -> None:
    """Cut a message's texts to what they may hold together; each keeps a sign, so none is empty."""
    displays = [part for part in _nested(components) if part.get("type") == _TEXT]
    left = _MAX_TEXT_TOGETHER
    for after, display in zip(range(len(displays) - 1, -1, -1), displays, strict=True):
        left -= _shorten(display, "content", max(left - after, 1), needed=True)


def _nested(components: Iterable[Json]) -> Iterator[Json]:
    for component in components:
        yield component
        yield from _nested(component.get("components") or ())


def _cut_embeds(embeds: list[Json]) -> None:
    """Cut each embed to its limits, and all together; the last ones are cut first."""
    left = _MAX_EMBEDS_TOGETHER
    for number, embed in enumerate(embeds):
        if number == 10 or left <= 0:
            del embeds[number:]
            return
        for holder, key, most in (
            (embed, "title", 256),
            (embed.get("footer"), "text", 2048),
            (embed.get("author"), "name", 256),
            (embed, "description", 4096),
        ):
            left -= _shorten(holder or {}, key, min(most, max(left, 1)))
        fields = embed.get("fields") or []
        for place, field in enumerate(fields):
            if place == 25 or left <= 1:
                del fields[place:]
                break
            left -= _shorten(field, "name", min(256, left - 1), needed=True)
            left -= _shorten(field, "value", min(1024, max(left, 1)), needed=True)


def _shorten(holder: Json, key: str, most: int, *, needed: bool = False) -> int:
    """Cut the text under ``key`` in place; return how long it is then."""
    text = holder.get(key)
    if not isinstance(text, str):
        return 0
    if len(text) > most:
        text = _cut_text(text, most)
    holder[key] = text if text.strip() or not needed else _EMPTY
    return len(holder[key])


def _cut_text(text: str, most: int) -> str:
    """Return the beginning of a text, with a sign that there was more.

    A block of code is closed again.
    """
    end = "…" if text.count(_FENCE, 0, most) % 2 == 0 else f"…\n{_FENCE}"
    if most <= len(end):
        return text[:most]
    return text[: most - len(end)].rstrip("\\`" if len(end) > 1 else "\\") + end
