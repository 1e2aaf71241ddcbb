"""How people write a word so that it isn't found: thirty ways, each of one word; and what they
write that is harmless though it has a word's letters.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator

WORDS = (
    "bastard", "wanker", "bollocks", "arsehole", "dickhead", "scumbag", "douchebag", "shithead",
    "motherlode", "slapper", "tosspot", "pillock", "numpty", "plonker", "gitface", "knobhead",
    "ass", "anus", "tit", "hell", "damn", "cock", "rape", "spic", "coon", "dyke", "slut", "homo",
    "free nudes", "kill them all",
)  # fmt: skip
_LEET = str.maketrans("aeiost", "431057")
_SYMBOLS = str.maketrans("ais", "@!$")
_CYRILLIC = str.maketrans("aeopcxyi", "аеорсхуі")  # noqa: RUF001
_GREEK = str.maketrans("aeoiknptux", "αεοικηρτυχ")
_SMALL_CAPITALS = str.maketrans("abcdefghijklmnoprtuvwz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡᴢ")


def _shifted(first: int) -> Callable[[str], str]:
    def shift(word: str) -> str:
        return "".join(
            chr(first + ord(each) - ord("a")) if "a" <= each <= "z" else each for each in word
        )

    return shift


def _between(mark: str) -> Callable[[str], str]:
    return lambda word: " ".join(mark.join(part) for part in word.split())


def _marked(mark: str) -> Callable[[str], str]:
    return lambda word: "".join(each + mark if each.isalpha() else each for each in word)


def _repeated(times: int) -> Callable[[str], str]:
    return lambda word: "".join(each * times if each in "aeiou" else each for each in word)


DISGUISES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "capitals": str.upper,
    "mixed case": lambda word: "".join(
        each.upper() if place % 2 else each for place, each in enumerate(word)
    ),
    "spaced": lambda word: " ".join(word.replace(" ", "")),
    "spaced widely": lambda word: "   ".join(word.replace(" ", "")),
    "one a line": lambda word: "\n".join(word.replace(" ", "")),
    "dots": _between("."),
    "hyphens": _between("-"),
    "underscores": _between("_"),
    "stars of Markdown": _between("**"),
    "emoji": _between("🔥"),
    "zero-width spaces": _between("\u200b"),
    "zero-width joiners": _between("\u200d"),
    "soft hyphens": _between("\u00ad"),
    "variation selectors": _marked("\ufe0f"),
    "acute accents": lambda word: unicodedata.normalize("NFC", _marked("\u0301")(word)),
    "zalgo": _marked("\u0334\u0311\u0356"),
    "underlined": _marked("\u0332"),
    "Cyrillic": lambda word: word.translate(_CYRILLIC),
    "Greek": lambda word: word.translate(_GREEK),
    "full width": _shifted(0xFF41),
    "bold": _shifted(0x1D41A),
    "Fraktur": _shifted(0x1D586),
    "double struck": _shifted(0x1D552),
    "circled": _shifted(0x24D0),
    "squared": _shifted(0x1F130),
    "small capitals": lambda word: word.translate(_SMALL_CAPITALS),
    # all but the first letter: digits alone are a number
    "digits": lambda word: word[0] + word[1:].translate(_LEET),
    "symbols": lambda word: word.translate(_SYMBOLS),
    "repeated": _repeated(4),
}

# Words that have a listed one inside, or are one with a letter more, less, or another.
_CONTAINING = (
    "class", "grass", "passage", "assassin", "embassy", "cassette", "compass", "massage",
    "manuscript", "janus", "titanic", "title", "constitution", "appetite", "shell", "hello",
    "michelle", "othello", "shellfish", "damnation", "peacock", "cockpit", "cocktail", "hancock",
    "grape", "drape", "scrape", "therapist", "parapet", "spice", "conspicuous", "despicable",
    "raccoon", "cocoon", "tycoon", "klondyke", "sluttery", "homonym", "homogeneous", "bastardy",
    "wankers", "bollocksed", "scumbags", "pillocks", "Scunthorpe", "Sussex", "basement", "assume",
    "analyst", "tight", "tilt", "hall", "dam", "clock", "rap", "spit", "con", "dye", "slot", "home",
)  # fmt: skip
_ORDINARY = (
    "he'll go home before she'll sing", "as sin is black so as soon it snows",
    "an us citizen with a map", "they can us a good deal of help", "put it there and push it in",
    "bus 455 and 1488 people", "the (it) is code", "a nus of light", "co ck pit crew",
    "hot it is", "a s far as it goes", "it was he, ll and co.", "hel lo there", "das sind sie",
    "c'est la vie", "l'ane et le boeuf", "ra pe sto", "a 5 s clip at 4 x 5",
    "kill the lights, all of them", "free the nudists", "kill all the weeds",
)  # fmt: skip
_SENTENCES = (
    "a {} in the evening sun", "two of them beside the {}", "{}: a study in blue",
    "please draw the {}, softly lit", "no {} without a cat", "my {} looks like that",
    "sunrise over {} harbour", "the {}'s shadow", "a very old {}!", "\"{}\" in neon letters",
    "the {} and a dog", "slow zoom on one {}", "a robot holds {}", "{} at night; rain",
    "watercolour of {}", "dancing {} in space", "the last {} (1920)",
)  # fmt: skip


def harmless() -> Iterator[str]:
    """A thousand sentences and more."""
    yield from _ORDINARY
    for word in _CONTAINING:
        for sentence in _SENTENCES:
            yield sentence.format(word)
