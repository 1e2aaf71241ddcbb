"""What in a prompt lies outside the world that nano knows: told from words, before it is loaded.

Errs towards silence: a prompt about one of nano's shapes may be worded in any everyday way.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from generator.contract.prompts import plain_text
from generator.nano import captions

_EVERYDAY = frozenset(
    """
    a about above across after again all almost alone along also always am an and any anything are
    around art as at away back backdrop background backwards basic be beautiful before behind being
    below big bit blank both bottom but by called calm can canvas center centre centered clean clear
    clearly clip color colored colorful colour coloured come comes coming constant constantly
    continuous continuously corner cool could create cute cycle dark deep design different direction
    do does doing done down draw drawing drawn each easy edge edges effect elegant empty end endless
    endlessly energetic energy entire even ever every everything exactly extremely fairly far fast
    faster favorite few fill filled film finally fine first flat floor for forever forth forward
    frame frames from front full fun funny fuzzy gently geometric get gets gif give giving go goes
    going good grand great ground had half hard has have having high his hold horizontal
    horizontally how huge i if image in infinite inside into is it its itself just keep keeping
    keeps kind large left leftmost less let level light like line little long look looking looks
    loop looped looping lot lots lovely low made make makes making many maybe me medium mid middle
    minimal mini more most motion move movement moves moving much my neat never new nice no non
    normal not nothing now object of off on once one only onto opposite or other out outside over
    own pace past perfect perfectly picture place plain please position pretty pure quick quickly
    quiet quite rapid rapidly rate really regular regularly repeat repeated repeatedly repeating
    right rightmost rhythm rhythmic same scene screen second seconds see seen shape shaped sharp
    shiny short should show showing shown shows side sides simple simply single size sized slight
    slightly slow slower slowly small smaller smooth smoothly so soft soften softly solid some
    something soon speed spot square start starting starts steady steadily still stops straight
    strong style such sudden suddenly super surface take takes than that the their them then there
    these thing this those through time times tiny to top toward towards turn turns two-dimensional
    under uniform until up us using version vertical vertically very video vivid want wants was
    way well what when where which while who whole wide will with within without works would you
    your animate animated animation best bold bright brightly brilliant cartoon continually crisp
    dead dim fancy fixed giant glossy gradual gradually happy happily hd icon instant joyful lazily
    lazy lively lonely matte minimalist modern neon nonstop pale pastel poster quality render
    rendered rich round satisfying sleek vector wild crazy mad clockwise seamless
    seamlessly hq
    """.split()  # noqa: SIM905 - read as a text
)
# Frequent ones that nano's pictures don't have; golden is one of its words for yellow.
_OTHER_COLORS = frozenset(
    """
    pink brown magenta maroon teal silver bronze lime olive indigo lavender salmon coral rainbow
    fuchsia burgundy mauve khaki ivory charcoal striped checkered dotted transparent multicolored
    """.split()  # noqa: SIM905
)
_COUNTS = frozenset(
    "two three four five six seven eight nine ten dozen several hundred".split()  # noqa: SIM905
)
_BEFORE_A_PLACE = frozenset(
    """
    above across against among and around at behind beside by from in inside into like near of on
    over past plus through toward towards under with
    """.split()  # noqa: SIM905
)
_WORD = re.compile(r"[^\W_][\w'-]*")


def _words_of(phrases: Iterable[str]) -> frozenset[str]:
    return frozenset(word for phrase in phrases for word in _WORD.findall(phrase.lower()))


_SHAPE_OF = {
    word: shape
    for shape, phrases in captions.SHAPE_WORDS.items()
    for word in _words_of(phrases) - {"round", "five", "pointed", "five-pointed"}
}
_GROUNDS = _words_of(phrase for said in captions.BACKGROUND_WORDS.values() for phrase in said)
_COLORS = _words_of(phrase for said in captions.COLOR_WORDS.values() for phrase in said)
_LEARNT = _words_of(captions.every_phrase())


def find_unknown_words(prompt: str) -> list[str]:
    """Return the words that nano has no picture of, in their order.

    Empty for a prompt of its world.
    """
    words = _WORD.findall(plain_text(prompt).lower())
    shapes = list(dict.fromkeys(shape for word in words if (shape := _shape_of(word))))
    unknown = [word for word in words if not _is_known(word)]
    if shapes:  # whatever else is said of one of them is a way of saying it, but for its place
        unknown = [word for index, word in enumerate(words) if _is_place(words, index)]
    found = {*unknown, *_wrong_grounds(words), *shapes[1:]}
    found |= {word for word in words if word in _OTHER_COLORS or word in _COUNTS}
    in_order = [word for word in words if word in found or _shape_of(word) in found]
    return list(dict.fromkeys(in_order))


def _shape_of(word: str) -> str | None:
    if word in _SHAPE_OF or word in _LEARNT or word in _EVERYDAY or len(word) < 5:
        return _SHAPE_OF.get(word)
    near = difflib.get_close_matches(word, _SHAPE_OF, n=1, cutoff=0.8)
    return _SHAPE_OF[near[0]] if near else None


def _is_known(word: str) -> bool:
    """Return whether it is one of nano's words, perhaps mistyped, or says nothing of a clip."""
    if word in _LEARNT or word in _EVERYDAY or word[0].isdigit() or word.endswith("ly"):
        return True
    return len(word) > 4 and bool(difflib.get_close_matches(word, _LEARNT, n=1, cutoff=0.85))


def _is_place(words: Sequence[str], index: int) -> bool:
    """Return whether a word that nano doesn't know says where something is, or what is with it."""
    word = words[index]
    if _is_known(word) or word.endswith(("ing", "ed")):
        return False
    return any(one in _BEFORE_A_PLACE for one in words[max(0, index - 3) : index])


def _wrong_grounds(words: Sequence[str]) -> set[str]:
    """Return colours of grounds that only things have in nano's world."""
    found = set()
    for index, (color, ground) in enumerate(pairwise(words)):
        named_after = _GROUNDS & set(words[index + 2 : index + 5])  # "background: pitch black"
        if ground in ("background", "backdrop") and not named_after:
            found |= {color} & (_COLORS - _GROUNDS)
    return found
