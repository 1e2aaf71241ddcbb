"""Prompts as the original's tokenizer saw them: what transformers 4 did to a text before its BPE.

transformers 5 leaves that out, so that scripts without spaces, capitals of some letters and signs
that nobody sees become other tokens. Knows no vocabulary.
"""

from __future__ import annotations

import unicodedata

_REPLACEMENT = "\ufffd"
# Han as of Unicode 8, which was taken apart letter by letter; kana and hangul are words.
_HAN = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0x2F800, 0x2FA1F),
)


def spelt(text: str) -> str:
    """``text`` in lower case, its words a space apart, each Han letter a word, no control signs.

    A text that was spelt so stays as it is.
    """
    letters = "".join(map(_spaced, text))
    # Word by word: whether a sigma is the last of its word decides its lower case.
    return " ".join(word.lower() for word in unicodedata.normalize("NFC", letters).split())


def _spaced(letter: str) -> str:
    if letter in " \t\n\r":
        return " "
    kind = unicodedata.category(letter)
    if kind[0] == "C" or letter == _REPLACEMENT:
        return ""
    if kind == "Zs":
        return " "
    code = ord(letter)
    return f" {letter} " if any(first <= code <= last for first, last in _HAN) else letter
