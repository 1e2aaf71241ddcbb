"""What lists say of a text: that it may be posted, or under a cover, or not at all, and why."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.jobs.gate import Allow, Spoiler, Verdict, Withhold
from bot.policy.words.lists import Entry
from bot.policy.words.pattern_finder import PatternFinder
from bot.policy.words.word_finder import WordFinder
from generator.contract.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class WordLists:
    """What is withheld, what is covered, and what is let through in spite of either."""

    withhold: Sequence[Entry] = ()
    spoiler: Sequence[Entry] = ()
    allow: Sequence[Entry] = ()


class WordRules:
    """Judges texts by lists.

    What ``allow`` lists is passed over where it is typed just so, so that no disguise can use it.
    """

    def __init__(self, lists: WordLists) -> None:
        self.withheld_count = len(lists.withhold)
        self.covered_count = len(lists.spoiler)
        self._withhold = _Finder(lists.withhold)
        self._spoiler = _Finder(lists.spoiler)
        words = sorted({each.text for each in lists.allow}, key=len, reverse=True)
        joined = "|".join(map(re.escape, words))
        self._allowed = re.compile(rf"(?<!\w)(?:{joined})(?!\w)", re.IGNORECASE) if words else None

    def judge(self, text: str) -> Verdict:
        """Return what the lists say of a text."""
        if self._allowed is not None:
            text = self._allowed.sub("\n", text)
        if (entry := self._withhold.first(text)) is not None:
            return Withhold(_reason(entry))
        return Allow() if self._spoiler.first(text) is None else Spoiler()


class _Finder:
    def __init__(self, entries: Sequence[Entry]) -> None:
        self._words = [each for each in entries if not each.is_pattern]
        self._patterns = [each for each in entries if each.is_pattern]
        self._word_finder = WordFinder(each.text for each in self._words)
        self._pattern_finder = PatternFinder([each.text for each in self._patterns])

    def first(self, text: str) -> Entry | None:
        """Return the first entry that a text has."""
        if words := self._word_finder.find(text):
            return self._words[min(words)]
        if patterns := self._pattern_finder.find(text):
            return self._patterns[min(patterns)]
        return None


def _reason(entry: Entry) -> Text:
    if entry.reason:
        return Text("That isn't made here: {reason}", reason=entry.reason)
    if entry.is_pattern:
        return Text("Some of these words aren't allowed here; try other words.")
    return Text('"{word}" isn\'t allowed here; try other words.', word=entry.text)
