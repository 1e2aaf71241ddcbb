"""Guesses whether a prompt is in a language that the model wasn't trained on.

SDXL's text encoders learnt English captions. Told by script and by small words, which is enough
for a hint and never for a refusal.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import lru_cache
from pathlib import Path

_OTHER_SCRIPTS = 0.3  # share of a prompt's letters
_MIN_FOREIGN_WORDS = 2  # small words that tell a language, where English has fewer

_WORDS = Path(__file__).parent / "function_words.json"


def is_foreign(prompt: str) -> bool:
    """Return whether the model is likely not to understand the prompt's language."""
    letters = [letter for letter in prompt if letter.isalpha()]
    foreign = sum(not unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    if letters and foreign / len(letters) > _OTHER_SCRIPTS:
        return True
    words = set(re.findall(r"[^\W\d_]+", prompt.lower()))
    certain, likely, english = (len(words & known) for known in _function_words())
    others = certain + likely
    return (certain > 0 and not english) or (others >= _MIN_FOREIGN_WORDS and others > english)


@lru_cache
def _function_words() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Return words that stand in nearly every sentence, in three sets.

    Those that tell another language for certain, those that only make it likely since names have
    them too, and those of English.
    """
    lists = json.loads(_WORDS.read_text(encoding="utf-8"))
    certain, likely, english = (frozenset(lists[kind]) for kind in ("certain", "likely", "english"))
    return certain, likely, english
