"""Reads from a prompt what it asks of nano: the way back from a caption to attributes.

Knows the words of ``generator.nano.captions`` and a few more. What is said in other words, or twice
in different ways, counts as left open: nobody is held to what may have been meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

from generator.nano import captions
from generator.nano.measure import ClipAttributes

_WORD = re.compile(r"[^\W_]+")
_MORE_MOTIONS = {"growing": ("bigger", "larger"), "shrinking": ("smaller", "tinier")}
_BEHIND = ("background", "backdrop", "canvas", "scene")
_BEFORE_A_BACKGROUND = {"on", "against", "over", "before", "behind"}
_ARTICLES = {"a", "an", "the", "plain"}
# What follows one of these closely is said to be absent, and leaves open what is there instead.
_DENIALS = {"not", "no", "never", "without", "avoid", "nothing", "but", "non", "t"}  # "isn't"
_REACH = 5  # words after a denial that it may be about
_COLOR, _SHAPE, _MOTION, _BACKGROUND = "color", "shape", "motion", "background"
_GO, _WAY, _BEHIND_NOUN = "go", "way", "behind"


class _Found(NamedTuple):
    """A phrase of the vocabulary in a prompt; ``start`` and ``end`` count words."""

    kind: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class PromptAttributes:
    """What a prompt asks for, in the names of ``generator.nano.world``; None where it's open."""

    color: str | None = None
    shape: str | None = None
    motion: str | None = None
    background: str | None = None

    @classmethod
    def of(cls, prompt: str) -> Self:
        words = _words(prompt)
        found = [one for one in _find(words) if not _is_denied(one, words)]
        return cls(
            color=_only(one.value for one in found if _is_color_of_thing(one, found, words)),
            shape=_only(one.value for one in found if one.kind == _SHAPE),
            motion=_only(_motions(found)),
            background=_only(one.value for one in found if _is_background(one, found)),
        )

    @property
    def is_open(self) -> bool:
        """Return whether nothing of it can be measured."""
        return self == PromptAttributes()

    @property
    def is_still_to_the_eye(self) -> bool:
        """Return whether no pixel need change: a ball that spins looks as it does at rest."""
        return self.shape == "ball" and self.motion == "spinning"

    def is_met_by(self, seen: ClipAttributes) -> bool:
        """Return whether a clip shows one thing, and shows all that was asked."""
        pairs = (
            (self.color, seen.color),
            (self.shape, seen.shape),
            (self.motion, seen.motion),
            (self.background, seen.background),
        )
        return seen.is_whole and all(wanted in (None, shown) for wanted, shown in pairs)


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.lower()))


def _find(words: tuple[str, ...]) -> Iterator[_Found]:
    """Return every phrase, the longest one at each place, none inside another."""
    start = 0
    while start < len(words):
        for end in range(min(len(words), start + _LONGEST), start, -1):
            known = _VOCABULARY.get(words[start:end])
            if known is not None:
                yield _Found(*known, start, end)
                start = end
                break
        else:
            start += 1


def _is_denied(one: _Found, words: tuple[str, ...]) -> bool:
    before = words[max(0, one.start - _REACH) : one.start]
    return one.kind in (_COLOR, _SHAPE, _BACKGROUND) and bool(_DENIALS & set(before))


def _is_color_of_thing(one: _Found, found: list[_Found], words: tuple[str, ...]) -> bool:
    """Return whether a colour isn't that of a ground which nano doesn't know, as in "on white"."""
    if one.kind != _COLOR or _is_followed_by(_BEHIND_NOUN, one, found):
        return False
    before = [word for word in words[: one.start] if word not in _ARTICLES]
    is_behind = bool({*before[-1:]} & _BEFORE_A_BACKGROUND) or before[-2:] == ["front", "of"]
    return not is_behind or _is_followed_by(_SHAPE, one, found)


def _is_background(one: _Found, found: list[_Found]) -> bool:
    """Return whether a colour is the ground's, not a thing's, as in "a black ball"."""
    return one.kind == _BACKGROUND and not _is_followed_by(_SHAPE, one, found)


def _is_followed_by(kind: str, one: _Found, found: list[_Found]) -> bool:
    return any(other.kind == kind and other.start == one.end for other in found)


def _motions(found: list[_Found]) -> Iterator[str]:
    """Return the motions; ways count where something goes there ("up" alone may mean anything)."""
    yield from (one.value for one in found if one.kind == _MOTION)
    goes = any(one.kind == _GO for one in found)
    for one in found:
        if one.kind == _WAY and (goes or one.end - one.start > 1):
            yield one.value


def _only(values: Iterable[str]) -> str | None:
    """Return the one value that was said, however often."""
    different = set(values)
    return different.pop() if len(different) == 1 else None


def _finite(phrase: str) -> str:
    """Return a participle as a verb: "going" -> "goes"."""
    return " ".join(captions.FINITE.get(word, word) for word in phrase.split())


def _vocabulary() -> Iterator[tuple[str, str, str]]:
    """Return phrases with what they say, as (phrase, kind, value)."""
    for kind, table in (
        (_COLOR, captions.COLOR_WORDS),
        (_SHAPE, captions.SHAPE_WORDS),
        (_MOTION, captions.MOTION_WORDS),
        (_MOTION, _MORE_MOTIONS),
        (_BACKGROUND, captions.BACKGROUND_WORDS),
    ):
        for value, phrases in table.items():
            yield from ((phrase, kind, value) for phrase in phrases)
    for way, phrases in captions.WAYS.items():
        yield from ((phrase, _WAY, f"moving {way}") for phrase in phrases)
    for way, phrases in captions.ALONE.items():
        yield from ((phrase, _MOTION, f"moving {way}") for phrase in phrases)
    yield from ((phrase, _GO, "") for phrase in captions.GO)
    yield from ((phrase, _BEHIND_NOUN, "") for phrase in _BEHIND)


_VOCABULARY = {
    _words(form): (kind, value)
    for phrase, kind, value in _vocabulary()
    for form in (phrase, _finite(phrase))
}
_LONGEST = max(map(len, _VOCABULARY))
