"""Reads a text as somebody sees it: look-alike letters, leet, and what can't be seen, made plain.

What a character looks like is decancer's to say (https://github.com/null8626/decancer). Scripts
that have no look-alikes of Latin letters are left as they are, but for their width and case.
"""

from __future__ import annotations

import re
import unicodedata

SPACE, MARK, APOSTROPHE = " ", "-", "'"
"""What stands for all spaces, all other separators, and all apostrophes in a plain text."""

_LEET = str.maketrans("0123456789@$!|+", "oizeasgtbgasiit")
_LEET_AS_L = _LEET | str.maketrans("1!|", "lll")
_LEET_SYMBOLS = "@$!|+"
_NO_LEET = str.maketrans(dict.fromkeys(_LEET_SYMBOLS, MARK))
_HAS_LEET = re.compile(r"[0-9@$!|+]")
# What is digits alone, from one space to the next, is a number, and none of a word's letters.
_NUMBERS = re.compile(r"((?<![^ ])[0-9!|+'-]+(?![^ ]))")
# A digit among three letters that stand alone is one of them (w 0 r d), unlike the 5 of "a 5 s".
_LONE_DIGIT = re.compile(
    r"(?<= [a-z] [a-z] )[0-9](?= [a-z0-9](?: |$))|(?<= [a-z] )[0-9](?= [a-z] [a-z0-9](?: |$))"
)
# An exclamation mark is a letter where one follows, and a plus where one stands before.
_NO_LETTER = re.compile(r"!(?![a-z0-9@$|])|(?<![a-z0-9@$|])\+")
_READ_AS = {
    **dict.fromkeys("'`´‘’ʼʹ＇", APOSTROPHE),  # noqa: RUF001 - what people type for one
    **dict.fromkeys("\t\n\r\v\f\x1c\x1d\x1e\x1f\x85", SPACE),
    **dict.fromkeys("æÆ", "ae"),
    **dict.fromkeys("œŒ", "oe"),
    **dict.fromkeys("ßẞ", "ss"),
    SPACE: SPACE,
}
_SEPARATORS = {"Z": SPACE, "C": MARK, "P": MARK}  # by the first letter of their category
_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u180b\u180c\u180d\u180f")
# Hebrew, Arabic, the scripts of India and South East Asia, Georgian; Khmer and Mongolian; the kana,
# Han characters and what stands beside them; Hangul.
_OTHER_SCRIPTS = ((0x0590, 0x10FF), (0x1780, 0x18AF), (0x2E80, 0xA4CF), (0xAC00, 0xD7FF),
                  (0xF900, 0xFAFF), (0x20000, 0x3FFFF))  # fmt: skip
# Written without spaces between words, so a word may begin and end anywhere.
# Part of a pattern's set of characters: Thai and its neighbours, kana, Han, Hangul.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7ff"
    "\U00020000-\U0003ffff"
)


class _Plain(dict[int, str]):
    """What each character is read as, by its number; worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        found = self[code] = _plain_character(chr(code))
        return found


_plain = _Plain()


def plain(text: str) -> str:
    """Return ``text`` in small plain letters, digits and leet signs, with separators between."""
    return (text if text.isascii() else unicodedata.normalize("NFC", text)).translate(_plain)


def readings(text: str) -> list[str]:
    """Return what a text may be read as, each once: its leet signs as separators or as letters.

    A 1 and its like are an i in one reading and an l in another, and so is a capital I.
    """
    base = plain(text)
    found = [base.translate(_NO_LEET)]
    has_leet = _HAS_LEET.search(base) is not None
    if has_leet:
        found.append(_without_leet(base, _LEET))
    if "I" in text:
        base = plain(text.replace("I", "l"))
    if has_leet or "I" in text:
        found.append(_without_leet(base, _LEET_AS_L))
    return list(dict.fromkeys(found))


def _without_leet(base: str, table: dict[int, int]) -> str:
    if "!" in base or "+" in base:
        base = _NO_LETTER.sub(MARK, base)
    parts = _NUMBERS.split(base)
    parts[::2] = [part.translate(table) for part in parts[::2]]
    letters = "".join(parts)
    if len(parts) > 1:
        padded = _LONE_DIGIT.sub(lambda digit: digit[0].translate(table), f" {letters}")
        letters = padded[1:]
    return letters.translate(_NO_LEET)


def visible(text: str) -> str:
    """Return ``text`` in its usual form and small letters, without what can't be seen."""
    usual = unicodedata.normalize("NFKC", text).casefold()
    return usual if usual.isascii() else "".join(each for each in usual if not _is_unseen(each))


def _plain_character(character: str) -> str:
    if _is_unseen(character):
        return ""
    if character in _READ_AS:
        return _READ_AS[character]
    kind = unicodedata.category(character)
    if character.isascii():
        is_kept = character.isalnum() or character in _LEET_SYMBOLS
        return character.lower() if is_kept else MARK
    if any(first <= ord(character) <= last for first, last in _OTHER_SCRIPTS):
        usual = unicodedata.normalize("NFKC", character).casefold()
        return usual if kind[0] in "LMN" else _SEPARATORS.get(kind[0], MARK)
    if kind[0] in _SEPARATORS:
        return _SEPARATORS[kind[0]]
    return _look_alike(character) or ("" if kind[0] == "M" else MARK)


def _look_alike(character: str) -> str:
    """Return the letters that one looks like; nothing where there are none.

    One that is made of a plain letter and marks, or is its double, says so itself.
    """
    from decancer_py import parse  # only where there is a list

    usual = unicodedata.normalize("NFKD", character).casefold()
    seen = "".join(each for each in usual if unicodedata.category(each)[0] != "M")
    if not (seen.isascii() and seen.isalnum()):
        is_letter_sign = "\U0001f100" <= character <= "\U0001f1ff"
        seen = str(
            parse(
                character,
                retain_japanese=True,
                retain_emojis=not is_letter_sign,
                disable_bidi=True,
            )
        )
    return "".join(each for each in seen.lower() if each.isalnum())


def _is_unseen(character: str) -> bool:
    kind = unicodedata.category(character)
    is_selector = "\ufe00" <= character <= "\ufe0f" or "\U000e0000" <= character <= "\U000e0fff"
    return kind == "Cf" or is_selector or character in _INVISIBLE
