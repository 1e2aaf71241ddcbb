"""Lists of words and patterns, as people write them: one a line.

::

    # a comment
    badword                       a word or a phrase, found however it is disguised
    /\\bfree\\s+nudes?\\b/          a pattern between slashes, as RE2 reads it
    badword # what is said to whoever uses it
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.core.errors import RefusedError
from bot.policy.words.pattern_finder import PatternFinder, PatternSyntaxError
from bot.policy.words.word_finder import has_letters
from generator.contract.text import Text

MAX_CHARACTERS = 2**20  # of a list
_MAX_ENTRIES = 20_000
_MAX_PATTERNS = 1000
_LONGEST_LINE = 200
_REASON = re.compile(r"\s#(?:\s+|$)")


@dataclass(frozen=True, slots=True)
class Entry:
    """A word, a phrase or a pattern, and what is said to whoever uses it, or nothing."""

    text: str
    reason: str = ""
    is_pattern: bool = False


def read_list(text: str) -> tuple[Entry, ...]:
    """Return what a list has. Raises RefusedError with a sentence that names the line."""
    if len(text) > MAX_CHARACTERS:
        raise RefusedError(
            "A list of words can have at most {most} characters.", most=MAX_CHARACTERS
        )
    found: dict[Entry, None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if (entry := _read_line(number, line.strip())) is not None:
            found[entry] = None
    entries = tuple(found)
    if len(entries) > _MAX_ENTRIES:
        raise RefusedError("A list of words can have at most {most} lines.", most=_MAX_ENTRIES)
    if sum(entry.is_pattern for entry in entries) > _MAX_PATTERNS:
        raise RefusedError("A list of words can have at most {most} patterns.", most=_MAX_PATTERNS)
    return entries


def _read_line(number: int, line: str) -> Entry | None:
    if not line or line.startswith("#"):
        return None
    if len(line) > _LONGEST_LINE:
        raise _refused(number, Text("it has more than {most} characters", most=_LONGEST_LINE))
    end = line.rfind("/") + 1
    is_pattern = line.startswith("/") and end > 1
    place = _REASON.search(line, end if is_pattern else 0)
    text = line[: place.start()].rstrip() if place else line
    reason = line[place.end() :].strip() if place else ""
    if is_pattern:
        return Entry(_checked_pattern(number, text), reason, is_pattern=True)
    if not has_letters(text):
        raise _refused(number, Text("it has no word of two letters or more"))
    return Entry(text, reason)


def _checked_pattern(number: int, text: str) -> str:
    pattern = text[1:-1]
    try:
        is_everywhere = bool(PatternFinder([pattern]).find(""))
    except PatternSyntaxError as error:
        words = Text("the pattern can't be used ({reason})", reason=str(error))
        raise _refused(number, words) from error
    if is_everywhere:
        raise _refused(number, Text("the pattern is in every text"))
    return pattern


def _refused(number: int, reason: Text) -> RefusedError:
    return RefusedError(
        "Line {number} of that list is wrong: {reason}.", number=number, reason=reason
    )
