"""Seeded damage: texts and JSON values as a hostile or broken sender could make them."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from typing import Any

MOST = 5000  # mutations of each entrance
_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**53, 2**63, 10**30, 0.5, 1e308, "", " ", "0", "x", "-1", "nan",
    "9" * 400, "a" * 5000, "\ud800", "\0", "\u202e", "é", "[a](https://b.example)", [], {}, [[]],
    [None], {"id": None}, {"type": 3}, ["x"] * 200,
)  # fmt: skip
_LETTERS = (
    "\0",
    "\ud800",
    " ",
    "%",
    "..",
    "/",
    "\\",
    "@",
    ":",
    "#",
    "?",
    "[",
    "]",
    "é",
    "xn--",
    "\n",
)


def texts(seeds: list[str], seed: int, count: int = MOST) -> Iterator[str]:
    """Each a few steps away from one of ``seeds``."""
    draw = random.Random(seed)
    for _ in range(count):
        text = draw.choice(seeds)
        for _ in range(draw.randint(1, 4)):
            text = _text_step(draw, text)
        yield text


def values(seeds: list[Any], seed: int, count: int = MOST) -> Iterator[Any]:
    """The same of JSON values: fields left out, doubled, or of another kind."""
    draw = random.Random(seed)
    for _ in range(count):
        value = copy.deepcopy(draw.choice(seeds))
        for _ in range(draw.randint(1, 3)):
            _value_step(draw, value)
        yield value


def _text_step(draw: random.Random, text: str) -> str:
    at, end = sorted((draw.randint(0, len(text)), draw.randint(0, len(text))))
    steps: tuple[Callable[[], str], ...] = (
        lambda: text[:at] + text[end:],
        lambda: text[:end] + text[at:],
        lambda: text[:at] + draw.choice(_LETTERS) + text[at:],
        lambda: text[:at] + draw.choice(_LETTERS) * draw.choice((2, 70, 300)) + text[end:],
        lambda: text[:at] + chr(draw.randint(0, 0x10FFFF)) + text[at + 1 :],
    )
    return draw.choice(steps)()


def _value_step(draw: random.Random, value: Any) -> None:
    """Changes something somewhere in it."""
    places = list(_places(value))
    if not places:
        return
    holder, key = draw.choice(places)
    kind = draw.random()
    if kind < 0.2 and isinstance(holder, dict):
        del holder[key]
    elif kind < 0.4 and isinstance(holder[key], str):
        holder[key] = _text_step(draw, holder[key])
    elif kind < 0.5:
        holder[key] = copy.deepcopy(draw.choice(places)[0])
    else:
        holder[key] = copy.deepcopy(draw.choice(_ODD))


def _places(value: Any, depth: int = 0) -> Iterator[tuple[Any, Any]]:
    if depth > 12:
        return
    keys: Any = value if isinstance(value, dict) else ()
    keys = range(len(value)) if isinstance(value, list) else keys
    for key in keys:
        yield value, key
        yield from _places(value[key], depth + 1)
