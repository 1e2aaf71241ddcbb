"""Finds patterns in a text, all at once, in time linear in the text: by RE2, which has no others.

A pattern that would take for ever elsewhere can't be written (no backreferences, nothing that looks
around) or doesn't take long.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.policy.words.letters import readings, visible

_SET_BYTES = 64 * 2**20
_PATTERN_BYTES = 2**20  # which refuses x{1000}{1000}


class PatternSyntaxError(ValueError):
    """RE2 doesn't take a pattern; says why, in English."""


class PatternFinder:
    """Finds patterns by their numbers in ``patterns``. Raises PatternSyntaxError.

    They are looked for in the text as it is seen, in small letters, and in what it may be read as.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._single = [_compiled(pattern) for pattern in patterns]
        self._set = _set_of(patterns) if patterns else None

    def find(self, text: str) -> set[int]:
        """Return the numbers of the patterns that ``text`` has."""
        if self._set is None:
            return set()
        found: set[int] = set()
        for reading in {visible(text), *readings(text)}:
            found |= self._find(reading)
        return found

    def _find(self, reading: str) -> set[int]:
        matched = set(self._set.Match(reading) or ()) if self._set is not None else set()
        if len(self._single) in matched:  # what matches everything: the set had memory enough
            return matched - {len(self._single)}
        return {number for number, each in enumerate(self._single) if each.search(reading)}


def _options(most_bytes: int) -> Any:
    import re2  # only where there is a pattern

    options = re2.Options()
    options.case_sensitive = False
    options.log_errors = False
    options.max_mem = most_bytes
    return options


def _compiled(pattern: str) -> Any:
    import re2

    try:
        return re2.compile(pattern, _options(_PATTERN_BYTES))
    except re2.error as error:
        reason = error.args[0] if error.args else "?"
        said = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise PatternSyntaxError(said) from error


def _set_of(patterns: Sequence[str]) -> Any:
    import re2

    found = re2.Set.SearchSet(_options(_SET_BYTES))
    for pattern in (*patterns, ""):
        found.Add(pattern)
    found.Compile()
    found.Match("")  # what is built at the first match is there then
    return found
