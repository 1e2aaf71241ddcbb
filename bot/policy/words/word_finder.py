"""Finds listed words in a text, however they are disguised, and not inside other words.

Words of the text are looked up one by one: as they are, with letters typed again and again
(``baaad``), an ``l`` for an ``i`` where they are long, digits added before or behind, and one
letter masked (``b*d``). What is in pieces is looked for by Aho and Corasick's method in the letters
of the pieces, and counts where it begins and ends with a piece, and what is between is no accident:

- nothing, or marks and no space (``b.a-d``), but not the apostrophe of ``he'll``;
- the spaces that the listed words have themselves;
- spaces between single letters (``b a d``), one piece of which may be longer (``b a dd``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from bot.policy.words.letters import APOSTROPHE, MARK, SPACE, UNSPACED, plain, readings

if TYPE_CHECKING:
    from ahocorasick_rs import AhoCorasick

_BETWEEN = re.escape(SPACE + MARK + APOSTROPHE)
_WORD = re.compile(f"[{UNSPACED}]|[^{_BETWEEN}{UNSPACED}]+")
_T = f"[^{_BETWEEN}]"
_UNSPACED_ROW = re.compile(f"(?:[-']*[{UNSPACED}]){{2,}}")
_ALONE = f"(?<!{_T}){_T}(?!{_T})"
_SPELLED = re.compile(f"{_ALONE}(?:[{_BETWEEN}]+{_ALONE})+")
# The same with a longer piece anywhere.
_NEARLY_SPELLED = re.compile(
    f"(?<!{_T})(?:{_T}+[{_BETWEEN}]+)?{_ALONE}"
    f"(?:[{_BETWEEN}]+(?:{_T}+[{_BETWEEN}]+)?{_ALONE})+(?:[{_BETWEEN}]+{_T}+)?"
)
_REPEATED = re.compile(rf"([^{_BETWEEN}])\1(?:\1|[^{_BETWEEN}]*?([^{_BETWEEN}])\2)")
_DIGIT = re.compile(r"[0-9]")
_MASKED = re.compile(r"(?<![^\W_])[^\W_]+[*#%][^\W_]+(?![^\W_])")
_MASKS = re.compile(r"[*#%]")
_CONTRACTIONS = frozenset(("ll", "s", "t", "re", "ve", "d", "m"))
_SHORTEST_LIKE_L = 6  # letters: short words differ by an i and an l (fail, fall)
_SHORTEST_MASKED = 4
_DIGITS = "0123456789"


class _Pieces:
    """Some words of a text in a row: where each begins and ends, and what is between them."""

    def __init__(self, found: Sequence[re.Match[str]]) -> None:
        self.words = [each[0] for each in found]
        self.letters = "".join(self.words)
        self._starts: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        place = 0
        for number, word in enumerate(self.words):
            self._starts[place] = number
            place += len(word)
            self._ends[place] = number
        self._gaps = [each.string[each.end() : after.start()] for each, after in pairwise(found)]

    @property
    def spaces(self) -> frozenset[int]:
        """Behind how many letters there is a space."""
        return self._spaces(self.words, self._gaps)

    def has(self, start: int, end: int, spaces: frozenset[int]) -> bool:
        """Return whether these letters are a word that is listed with ``spaces`` of its own."""
        first, last = self._starts.get(start), self._ends.get(end)
        if first is None or last is None:
            return False
        words, gaps = self.words[first : last + 1], self._gaps[first:last]
        if not any(SPACE in gap for gap in gaps):
            return gaps != [APOSTROPHE] or words[-1] not in _CONTRACTIONS
        if spaces and self._spaces(words, gaps) == spaces:
            return True
        single_count = sum(len(word) == 1 for word in words)
        return single_count >= 2 and len(words) - single_count <= 1

    @staticmethod
    def _spaces(words: Sequence[str], gaps: Sequence[str]) -> frozenset[int]:
        place, found = 0, set()
        for word, gap in zip(words, gaps, strict=False):
            place += len(word)
            if SPACE in gap:
                found.add(place)
        return frozenset(found)


class _InPieces:
    """Finds keys that are in pieces, by Aho and Corasick."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._found: list[tuple[int, frozenset[int]]] = []  # its word's number, and its spaces
        self._automaton: AhoCorasick | None = None

    def add(self, key: str, number: int, spaces: frozenset[int]) -> None:
        self._keys.append(key)
        self._found.append((number, spaces))

    def build(self) -> None:
        """Make ready to find what was added."""
        if self._keys:
            from ahocorasick_rs import AhoCorasick  # only where there is a list

            self._automaton = AhoCorasick(self._keys)

    def find(self, pieces: _Pieces) -> Iterator[int]:
        """Yield the numbers of words that stand in these pieces."""
        if self._automaton is None:
            return
        for key, start, end in self._automaton.find_matches_as_indexes(
            pieces.letters, overlapping=True
        ):
            number, spaces = self._found[key]
            if pieces.has(start, end, spaces):
                yield number

    def __bool__(self) -> bool:
        return bool(self._keys)


class WordFinder:
    """Finds words and phrases by their numbers among those that it is made for."""

    def __init__(self, words: Iterable[str]) -> None:
        self._whole: dict[str, int] = {}
        self._like_l: dict[str, int] = {}
        # words, and phrases word by word, by the first without its repeated letters
        self._runs: dict[str, list[tuple[Sequence[str], int]]] = {}
        self._longest_row = 1
        self._masked: dict[str, int] = {}
        self._words, self._phrases = _InPieces(), _InPieces()
        for number, word in enumerate(words):
            for reading in readings(word):
                self._add(reading, number)
        self._words.build()
        self._phrases.build()

    def _add(self, reading: str, number: int) -> None:
        pieces = _Pieces(list(_WORD.finditer(reading)))
        key, spaces = pieces.letters, pieces.spaces
        if not is_long_enough(key) or self._whole.get(key) == number:
            return
        self._words.add(key, number, spaces)
        if spaces:
            self._phrases.add(key, number, spaces)
        self._whole.setdefault(key, number)
        self._longest_row = max(self._longest_row, len(pieces.words))
        for row in {(key,), tuple(pieces.words)}:
            self._runs.setdefault(_collapsed(row[0]), []).append((row, number))
        if len(key) >= _SHORTEST_LIKE_L:
            self._like_l.setdefault(key.replace("l", "i"), number)
        if len(key) >= _SHORTEST_MASKED:
            for place in range(1, len(key) - 1):
                self._masked.setdefault(f"{key[:place]}*{key[place + 1 :]}", number)

    def find(self, text: str) -> set[int]:
        """Return the numbers of the words that ``text`` has."""
        if not self._whole:
            return set()
        found: set[int] = set()
        for reading in readings(text):
            words = _words(reading)
            is_spelled = sum(len(word) == 1 for word in words) > 1
            found.update(self._find_whole(reading, words, is_spelled=is_spelled))
            for pieces in _in_pieces(reading, is_spelled=is_spelled):
                found.update(self._words.find(pieces))
            if self._phrases:
                found.update(self._phrases.find(_Pieces(list(_WORD.finditer(reading)))))
        if _MASKS.search(text):
            found.update(self._find_masked(text))
        return found

    def _find_whole(self, reading: str, words: Sequence[str], *, is_spelled: bool) -> Iterator[int]:
        spelled: list[str] = []
        if is_spelled:
            spelled = ["".join(_WORD.findall(each)) for each in _SPELLED.findall(reading)]
        yield from map(self._whole.__getitem__, self._whole.keys() & {*words, *spelled})
        like_l = _words(reading.replace("l", "i"))
        yield from map(self._like_l.__getitem__, self._like_l.keys() & set(like_l))
        if _DIGIT.search(reading):
            bare = {word.strip(_DIGITS) for word in words}
            yield from map(self._whole.__getitem__, self._whole.keys() & bare)
        if _REPEATED.search(" ".join((reading, *spelled))):
            for row in (words, *([each] for each in spelled)):
                yield from self._find_repeated(row)

    def _find_repeated(self, words: Sequence[str]) -> Iterator[int]:
        repeated = [place for place, word in enumerate(words) if _REPEATED.search(word)]
        firsts = {max(0, last - back) for last in repeated for back in range(self._longest_row)}
        for place in firsts:
            for row, number in self._runs.get(_collapsed(words[place]), ()):
                typed = words[place : place + len(row)]
                if len(typed) == len(row) and all(map(_is_stretched, typed, row)):
                    yield number

    def _find_masked(self, text: str) -> Iterator[int]:
        for match in _MASKED.finditer(text):
            word = "*".join(map(plain, _MASKS.split(match[0])))
            if word in self._masked:
                yield self._masked[word]


def is_long_enough(word: str) -> bool:
    """Return whether a word can be looked for; one letter stands in too much."""
    return len(word) > 1 or re.fullmatch(f"[{UNSPACED}]", word) is not None


def has_letters(word: str) -> bool:
    """Return whether a word, as it is listed, is long enough in one of its readings."""
    return any(is_long_enough("".join(_WORD.findall(reading))) for reading in readings(word))


def _words(reading: str) -> list[str]:
    """Return the words of a reading."""
    if reading.isascii():
        return reading.replace(MARK, SPACE).replace(APOSTROPHE, SPACE).split()
    return _WORD.findall(reading)


def _in_pieces(reading: str, *, is_spelled: bool) -> Iterator[_Pieces]:
    """Yield what may be one word in pieces: what has marks in it, and letters that stand alone."""
    for part in reading.split(SPACE):
        if MARK in part or APOSTROPHE in part:
            inner = part.strip(MARK + APOSTROPHE)
            if MARK in inner or APOSTROPHE in inner:
                yield _Pieces(list(_WORD.finditer(inner)))
    if not reading.isascii():
        yield from _matched(_UNSPACED_ROW, reading)
    if is_spelled:
        yield from _matched(_NEARLY_SPELLED, reading)


def _matched(pattern: re.Pattern[str], reading: str) -> Iterator[_Pieces]:
    for match in pattern.finditer(reading):
        yield _Pieces(list(_WORD.finditer(reading, match.start(), match.end())))


def _collapsed(word: str) -> str:
    return "".join(letter for letter, _ in groupby(word))


def _is_stretched(typed: str, listed: str) -> bool:
    """Return whether a word is a listed one, or that with letters typed again and again.

    That is three times or more, or two letters twice: ``loose`` is another word than ``lose``.
    """
    if typed == listed:
        return True
    if _collapsed(typed) != _collapsed(listed):
        return False
    pairs = list(zip(_run_lengths(typed), _run_lengths(listed), strict=True))
    if all(typed == listed or typed > max(listed, 2) for typed, listed in pairs):
        return True
    return sum(typed > listed for typed, listed in pairs) >= 2 and all(
        typed >= listed for typed, listed in pairs
    )


def _run_lengths(word: str) -> list[int]:
    return [len(list(run)) for _, run in groupby(word)]
