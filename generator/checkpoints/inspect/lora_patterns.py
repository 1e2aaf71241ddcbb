"""Regular expressions of strangers, matched in bounded time: what PEFT's patterns are made of.

Python's own matcher tries one way after another, and a short expression can keep it busy for ever.
Here all ways are gone at once: each part of an expression leads from the set of places where it may
begin to the set of those where it may end, a set being an integer with a bit for each place. Knows
characters, classes, groups, alternatives, repeats and lookaheads; no references, flags or
lookbehinds. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

MOST_STEPS = 20_000_000  # for all paths of one file together; some seconds
_MOST_TIMES = 300
_PIECE = re.compile(
    r"""(?P<repeat>[*+?]|\{\d*,?\d*\}) | (?P<class>\[\^?\]?(?:\\.|[^\]\\])*\])
    | (?P<escape>\\.) | (?P<open>\((?:\?[:=!])?) | (?P<sign>[)|^$]) | (?P<letter>[^\[\\])""",
    re.VERBOSE | re.DOTALL,
)
_TIMES = {"*": (0, _MOST_TIMES), "+": (1, _MOST_TIMES), "?": (0, 1)}


class PatternError(ValueError):
    """An expression, or matching it, is more than is done here."""


@dataclass(slots=True)
class Budget:
    """How many steps are left."""

    steps: int = MOST_STEPS

    def spend(self) -> None:
        """Spend one step. Raises PatternError where none is left."""
        self.steps -= 1
        if self.steps < 0:
            raise PatternError("it takes too long")


@dataclass(frozen=True, slots=True)
class _Text:
    """A text to match; ``positions`` says where each of its characters stands."""

    length: int
    positions: dict[str, int]
    budget: Budget

    @classmethod
    def of(cls, text: str, budget: Budget) -> _Text:
        positions: dict[str, int] = {}
        for at, letter in enumerate(text):
            positions[letter] = positions.get(letter, 0) | 1 << at
        return cls(len(text), positions, budget)


_Part = Callable[[_Text, int], int]  # from where it may begin to where it may end


class Expression:
    """Reading it raises PatternError for what isn't known here."""

    def __init__(self, text: str, budget: Budget) -> None:
        self.text = text
        self._budget = budget
        self._part = _Parser(text).whole()

    def fits(self, path: str) -> bool:
        """Return whether the expression is all of a path or what follows a dot, as PEFT has it.

        Raises PatternError where the budget is spent.
        """
        text = _Text.of(path, self._budget)
        begins = 1 | text.positions.get(".", 0) << 1
        return bool(self._part(text, begins) >> text.length & 1)


class _Parser:
    """Reads by recursive descent: alternatives of sequences of repeated items."""

    def __init__(self, expression: str) -> None:
        self._pieces = _pieces(expression)
        self._at = 0

    def whole(self) -> _Part:
        part = self._alternatives()
        if self._at < len(self._pieces):
            raise PatternError("a bracket was never opened")
        return part

    def _alternatives(self) -> _Part:
        parts = [self._sequence()]
        while self._next_is("|"):
            self._at += 1
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else _any_of(parts)

    def _sequence(self) -> _Part:
        parts: list[_Part] = []
        while self._at < len(self._pieces) and not self._next_is("|") and not self._next_is(")"):
            parts.append(self._item())
        return _one_after_another(parts)

    def _item(self) -> _Part:
        kind, piece = self._pieces[self._at]
        self._at += 1
        if kind == "repeat":
            raise PatternError("nothing to repeat")
        if piece in ("^", "$") and kind == "sign":
            return _at_start if piece == "^" else _at_end
        if kind != "open":
            return self._repeated(_letter(kind, piece))
        inner = self._alternatives()
        if not self._next_is(")"):
            raise PatternError("a bracket was never closed")
        self._at += 1
        if piece in ("(?=", "(?!"):
            return _ahead(inner, is_wanted=piece == "(?=")
        return self._repeated(inner)

    def _repeated(self, part: _Part) -> _Part:
        if self._at == len(self._pieces) or self._pieces[self._at][0] != "repeat":
            return part
        least, most = _times(self._pieces[self._at][1])
        self._at += 1
        if self._at < len(self._pieces) and self._pieces[self._at] == ("repeat", "?"):
            self._at += 1  # lazy: which way is tried first doesn't matter here
        if self._at < len(self._pieces) and self._pieces[self._at][0] == "repeat":
            raise PatternError("repeated twice")
        return _repeat(part, least, most)

    def _next_is(self, sign: str) -> bool:
        return self._at < len(self._pieces) and self._pieces[self._at] == ("sign", sign)


def _pieces(expression: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(expression):
        match = _PIECE.match(expression, at)
        if match is None or match.lastgroup is None:
            raise PatternError("a class was never closed")
        found.append((match.lastgroup, match[0]))
        at = match.end()
    return found


def _times(piece: str) -> tuple[int, int]:
    if piece in _TIMES:
        return _TIMES[piece]
    least, comma, most = piece[1:-1].partition(",")
    if not least and not most:
        raise PatternError("braces without a number")
    first = int(least or 0)
    last = int(most) if most else _MOST_TIMES if comma else first
    if not first <= last <= _MOST_TIMES:
        raise PatternError("too many times")
    return first, last


def _letter(kind: str, piece: str) -> _Part:
    if kind == "escape" and piece[1].isalnum() and piece[1] not in "dDwWsS":
        raise PatternError("a reference, or the edge of a word")
    if kind == "letter" and piece != ".":
        return lambda text, begins: (begins & text.positions.get(piece, 0)) << 1
    try:
        fits = cache(re.compile(piece).fullmatch)
    except re.error as error:
        raise PatternError(str(error)) from error

    def part(text: _Text, begins: int) -> int:
        text.budget.spend()
        fitting = 0
        for letter, positions in text.positions.items():
            fitting |= positions if fits(letter) else 0
        return (begins & fitting) << 1

    return part


def _at_start(_text: _Text, begins: int) -> int:
    return begins & 1


def _at_end(text: _Text, begins: int) -> int:
    return begins & 1 << text.length


def _one_after_another(parts: list[_Part]) -> _Part:
    def part(text: _Text, begins: int) -> int:
        for each in parts:
            text.budget.spend()
            if not begins:
                break
            begins = each(text, begins)
        return begins

    return part


def _any_of(parts: list[_Part]) -> _Part:
    def part(text: _Text, begins: int) -> int:
        ends = 0
        for each in parts:
            text.budget.spend()
            ends |= each(text, begins)
        return ends

    return part


def _repeat(part: _Part, least: int, most: int) -> _Part:
    def repeated(text: _Text, begins: int) -> int:
        for _ in range(least):
            text.budget.spend()
            begins = part(text, begins)
        ends = news = begins
        for _ in range(most - least):
            text.budget.spend()
            news = part(text, news) & ~ends
            if not news:
                break
            ends |= news
        return ends

    return repeated


def _ahead(part: _Part, *, is_wanted: bool) -> _Part:
    def looked(text: _Text, begins: int) -> int:
        ends = 0
        for at in range(text.length + 1):
            text.budget.spend()
            position = begins & 1 << at
            if position and bool(part(text, position)) is is_wanted:
                ends |= position
        return ends

    return looked
