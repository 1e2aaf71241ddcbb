"""What changes along a clip: ``0: a red ball | 4: a blue ball``. Standard library only.

A key is a frame, counted from 0, or a percentage of the clip; what follows it holds from there on.
``~4:`` is reached gradually, from the key before. Keys stand after ``|`` or on lines of their own.
Only a text that begins with a key is taken apart, and only where another one follows or the first
is at the beginning: "at 5:30 | style" and "12: the movie" are texts like any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from generator.contract.bounds import CONTROL_SCALE_LABEL, shorten
from generator.contract.errors import RequestError
from generator.contract.text import Text

MAX_KEYS = 32

_KEY = r"(?P<gradual>~)?\s*(?P<at>\d{1,6}|\d{1,3}(?:\.\d{1,3})?\s*%)\s*:"
# A colon between digits is a time of day in a text; in a list of numbers it can't be.
_BEFORE_TEXT = re.compile(rf"(?:^|[|\n])\s*{_KEY}(?!\d)")
_BEFORE_NUMBER = re.compile(rf"(?:^|[|\n])\s*{_KEY}")
# What somebody means for a key: of two that stand where keys do, each must be one.
_MEANT = re.compile(r"(?:^|[|\n])\s*(?P<key>~?\s*[-+]?\d[\d.,]*\s*%?\s*:)(?!\d)")
_NUMBER = re.compile(r"\d{1,3}(?:\.\d{0,6})?|\.\d{1,6}")


@dataclass(frozen=True, slots=True)
class Key:
    """What holds from a frame on; ``name`` is how the frame is written, ``at`` may lie between two.

    One that ``is_gradual`` is reached bit by bit from the key before.
    """

    name: str
    at: float
    text: str
    is_gradual: bool = False


@dataclass(frozen=True, slots=True)
class Blend:
    """What a frame has: ``share`` of the key ``after``, and the rest of the key ``before``."""

    before: int
    after: int
    share: float


def text_keys(text: str, frames: int) -> tuple[Key, ...]:
    """Return a text's keys in a clip of so many frames; () for a text that is one from end to end.

    Nothing is checked: see ``check_keys``.
    """
    keys = _keys(_BEFORE_TEXT, text, frames)
    is_travel = len(keys) > 1 or (keys and keys[0].at == 0)
    return keys if is_travel else ()


def all_keys(text: str, frames: int) -> tuple[Key, ...]:
    """Return a text's keys, or the text as the only one."""
    return text_keys(text, frames) or (Key("0", 0, text),)


def with_each_text(text: str, change: Callable[[str], str]) -> str:
    """Return a text with what each of its keys says changed; one without keys as a whole."""
    keys = text_keys(text, 1)
    if not keys:
        return change(text)
    marked = (("~" if key.is_gradual else "") + key.name for key in keys)
    return " | ".join(f"{mark}: {change(key.text)}" for mark, key in zip(marked, keys, strict=True))


def check_text(what: Text, text: str, frames: int) -> tuple[Key, ...]:
    """Return a text's keys. Raises RequestError for what is no key, and as ``check_keys`` does."""
    meant = list(_MEANT.finditer(text.strip()))
    if len(meant) > 1 and meant[0].start() == 0 and not meant[0][0].startswith("|"):
        for one in meant:
            if re.fullmatch(_KEY, one["key"]) is None:
                raise RequestError(
                    "{what} has {key} where a key should be; write a frame, such as 4:, or a "
                    "percentage, such as 50%:.",
                    what=what,
                    key=shorten(one["key"]),
                )
    keys = text_keys(text, frames)
    check_keys(what, keys, frames)
    return keys


def check_keys(what: Text, keys: Sequence[Key], frames: int) -> None:
    """Raise RequestError for keys that are too many, outside the clip, twice or out of order."""
    if len(keys) > MAX_KEYS:
        raise RequestError(
            "{what} has {count} keys; at most {most} are allowed.",
            what=what,
            count=len(keys),
            most=MAX_KEYS,
        )
    for key in keys:
        if key.at > frames - 1:
            raise RequestError(
                "{what} has a key at {key}, and the frames are 0 to {last}; give it one of these, "
                "or ask for more frames.",
                what=what,
                key=key.name,
                last=frames - 1,
            )
    for one, other in pairwise(keys):
        if one.at == other.at:
            raise RequestError(
                "{what} has two keys at the same frame, {key}; leave one out.",
                what=what,
                key=other.name,
            )
        if one.at > other.at:
            raise RequestError(
                "{what} has the key {key} after {before}; write keys in the order of their frames.",
                what=what,
                key=other.name,
                before=one.name,
            )


def strengths(text: str, frames: int) -> tuple[tuple[Key, ...], tuple[float, ...]]:
    """Return the keys of a ControlNet's strengths, such as ``0: 1.0 | 5: 0``, and these.

    Raises RequestError for keys that the clip can't have, and for what is no number.
    """
    keys = _keys(_BEFORE_NUMBER, text, frames)
    if not keys or not all(_NUMBER.fullmatch(key.text) for key in keys):
        raise RequestError(
            "{what} is neither a number nor keys with numbers: {text!r}; write it like "
            "0: 1.0 | 5: 0.",
            what=CONTROL_SCALE_LABEL,
            text=shorten(text),
        )
    check_keys(CONTROL_SCALE_LABEL, keys, frames)
    return keys, tuple(float(key.text) for key in keys)


def with_each_strength(text: str, factor: float) -> str:
    """Return a ControlNet's strengths by frame, each times ``factor``; what is none as it is."""
    keys = _keys(_BEFORE_NUMBER, text, 1)
    if not all(_NUMBER.fullmatch(key.text) for key in keys):
        return text
    marked = (f"{'~' * key.is_gradual}{key.name}" for key in keys)
    numbers = (f"{round(float(key.text) * factor, 6):.10g}" for key in keys)
    return " | ".join(f"{mark}: {number}" for mark, number in zip(marked, numbers, strict=True))


def blends(keys: Sequence[Key], frames: int) -> tuple[Blend, ...]:
    """Return what each frame has of the keys; () where there are none."""
    return tuple(_blend(keys, frame) for frame in range(frames)) if keys else ()


def _blend(keys: Sequence[Key], frame: int) -> Blend:
    before = max((index for index, key in enumerate(keys) if key.at <= frame), default=0)
    after = before + 1
    if after == len(keys) or not keys[after].is_gradual:
        return Blend(before, before, 0.0)
    start, end = keys[before].at, keys[after].at
    return Blend(before, after, max(0.0, (frame - start) / (end - start)))


def _keys(pattern: re.Pattern[str], text: str, frames: int) -> tuple[Key, ...]:
    found = list(pattern.finditer(text.strip())) if ":" in text else []
    if not found or found[0].start() != 0 or found[0][0].startswith("|"):
        return ()
    ends = [*(one.start() for one in found[1:]), len(text.strip())]
    return tuple(
        Key(
            name=one["at"],
            at=_frame(one["at"], frames),
            text=text.strip()[one.end() : end].strip(),
            is_gradual=bool(one["gradual"]),
        )
        for one, end in zip(found, ends, strict=True)
    )


def _frame(written: str, frames: int) -> float:
    if written.endswith("%"):
        return float(written[:-1]) / 100 * (frames - 1)
    return int(written)
