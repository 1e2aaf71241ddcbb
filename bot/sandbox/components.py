"""Components of messages and forms: their types, how they lie in each other, how they are stored.

Pure: works on Discord's JSON, and knows neither messages nor files.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Path = tuple[str | int, ...]

ACTION_ROW, BUTTON, STRING_SELECT, TEXT_INPUT = 1, 2, 3, 4
USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT = 5, 6, 7, 8
SECTION, TEXT_DISPLAY, THUMBNAIL, MEDIA_GALLERY, FILE, SEPARATOR = 9, 10, 11, 12, 13, 14
CONTAINER, LABEL, FILE_UPLOAD, RADIO_GROUP, CHECKBOX_GROUP, CHECKBOX = 17, 18, 19, 21, 22, 23

SELECTS = frozenset({STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT})
ATTACHMENT = "attachment://"  # how a URL begins that names a file of its own message

# What Discord fills in where a payload says nothing.
_SELECT_DEFAULTS: Json = {"min_values": 1, "max_values": 1}
_DEFAULTS: dict[int, Json] = {
    **dict.fromkeys(SELECTS, _SELECT_DEFAULTS),
    THUMBNAIL: {"description": None, "spoiler": False},
    FILE: {"spoiler": False},
    SEPARATOR: {"spacing": 1, "divider": True},
    CONTAINER: {"accent_color": None, "spoiler": False},
}
_ITEM_DEFAULTS: Json = {"description": None, "spoiler": False}


@dataclass(frozen=True, slots=True)
class Media:
    """What a URL in a component shows: Discord's media object, and its file's name and bytes."""

    json: Json
    filename: str | None = None
    size: int | None = None


Unfurl = Callable[[str], Media]


def walk(components: list[Json], path: Path = ("components",)) -> Iterator[tuple[Path, Json]]:
    """Yield every component with its path, and all that lie inside it right after it."""
    for index, component in enumerate(components):
        yield from _walk_one(component, (*path, index))


def _walk_one(component: Json, path: Path) -> Iterator[tuple[Path, Json]]:
    yield path, component
    yield from walk(component.get("components") or [], (*path, "components"))
    for key in ("accessory", "component"):
        if component.get(key):
            yield from _walk_one(component[key], (*path, key))


def media_of(component: Json) -> Iterator[tuple[Path, Json]]:
    """Yield the media objects that a component shows itself, each with its path inside it."""
    for index, item in enumerate(component.get("items") or ()):
        yield ("items", index, "media"), item["media"]
    for key in ("media", "file"):
        if component.get(key):
            yield (key,), component[key]


def counts_of(component: Json) -> tuple[int, int]:
    """Return how many choices or files a component takes at least and at most."""
    usual = len(component["options"]) if component["type"] == CHECKBOX_GROUP else 1
    fewest, most = component.get("min_values"), component.get("max_values")
    return (1 if fewest is None else fewest, usual if most is None else most)


def _elsewhere(url: str) -> Media:
    return Media({"url": url, "proxy_url": url})


def stored(components: list[Json], unfurl: Unfurl = _elsewhere) -> list[Json]:
    """Return components as Discord keeps them: whole, each with an id of its own, media unfurled.

    An id that a payload gives (0 is none) is kept, and given to no other.
    """
    taken = {part["id"] for _, part in walk(components) if part.get("id")}
    ids = (number for number in itertools.count(1) if number not in taken)
    return [_stored(component, ids, unfurl) for component in components]


def _stored(component: Json, ids: Iterator[int], unfurl: Unfurl) -> Json:
    kept = _DEFAULTS.get(component["type"], {}) | _without_nulls(component)
    kept["id"] = kept.get("id") or next(ids)
    if "components" in kept:
        kept["components"] = [_stored(inner, ids, unfurl) for inner in kept["components"]]
    for key in ("accessory", "component"):
        if key in kept:
            kept[key] = _stored(kept[key], ids, unfurl)
    if kept["type"] == MEDIA_GALLERY:
        kept["items"] = [_stored_item(item, unfurl) for item in kept["items"]]
    elif kept["type"] == THUMBNAIL:
        kept["media"] = unfurl(kept["media"]["url"]).json
    elif kept["type"] == FILE:
        media = unfurl(kept["file"]["url"])
        kept |= {"file": media.json, "name": media.filename, "size": media.size}
    return kept


def _stored_item(item: Json, unfurl: Unfurl) -> Json:
    return _ITEM_DEFAULTS | _without_nulls(item) | {"media": unfurl(item["media"]["url"]).json}


def _without_nulls(part: Json) -> Json:
    return {key: value for key, value in part.items() if value is not None}
