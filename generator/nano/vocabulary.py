"""What nano understands, a vocabulary a language, and how a prompt is cut into its words.

Joins the captions' words with everyday ones. Doesn't judge a prompt: ``unknown_words`` does.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import chain

from generator.nano import captions, everyday_words, japanese, languages
from generator.nano.everyday_words import Everyday, folded, spellings

ENGLISH = "en"
JAPANESE = "ja"
_EVERYDAY = {
    ENGLISH: everyday_words.ENGLISH,
    "de": everyday_words.GERMAN,
    "fr": everyday_words.FRENCH,
    "es": everyday_words.SPANISH,
    JAPANESE: japanese.EVERYDAY,
}
_J = japanese.LETTER
_WORD = re.compile(
    rf"[0-9]*[{_J}](?:[{_J}]|[0-9]+(?=[{_J}]))*"  # a whole clause in Japanese
    rf"|[^\W_{_J}](?:[^\W{_J}]|['-])*"
)
_IN_JAPANESE = re.compile(f"[{_J}]")
_ELISION = re.compile("^(?:[cdjlmnst]|qu)'(?=.)")  # of "l'écran"
_ENDINGS = {"de": ("e", "er", "es", "em", "en"), "fr": ("s", "es"), "es": ("s", "es")}
_NOT_A_SHAPE = {"round", "five-pointed"}


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a prompt in lower case as it was typed, and as vocabularies have it."""

    text: str
    key: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """One language's words without their accents; of Japanese, whole phrases."""

    everyday: Everyday
    learnt: frozenset[str]
    known: frozenset[str]  # the learnt ones, and all that says the same or nothing
    shape_of: Mapping[str, str]
    color_of: Mapping[str, str]
    grounds: frozenset[str]

    @property
    def is_japanese(self) -> bool:
        return self.everyday is japanese.EVERYDAY


def words_of(prompt: str) -> list[Word]:
    """Return a prompt's words, and its Japanese in phrases."""
    text = unicodedata.normalize("NFKC", prompt).replace("\u2019", "'").lower()
    found: list[Word] = []
    for match in _WORD.finditer(text):
        if is_japanese(match[0]):
            phrases = japanese.pieces(match[0], vocabulary(JAPANESE).known)
            found += [Word(phrase, phrase) for phrase in phrases]
        else:
            word = _ELISION.sub("", match[0])
            found.append(Word(word, folded(word)))
    return found


def is_japanese(text: str) -> bool:
    return bool(_IN_JAPANESE.search(text))


def language_of(keys: Iterable[str]) -> str:
    """Return the code of the language that knows the most of the words: English, if several do."""
    keys = list(keys)
    if any(map(is_japanese, keys)):
        return JAPANESE
    return max(_EVERYDAY, key=lambda code: sum(key in vocabulary(code).known for key in keys))


@cache
def all_learnt() -> frozenset[str]:
    """Return the words of all captions, which nano knows whatever the language around them is."""
    return frozenset().union(*(vocabulary(code).learnt for code in _EVERYDAY))


@cache
def vocabulary(code: str) -> Vocabulary:
    """Return the words of a language."""
    everyday = _EVERYDAY[code]
    learnt = frozenset(chain.from_iterable(_keys(phrase) for phrase in _phrases(code)))
    shape_of, color_of = dict(_shapes(code)), dict(_colors(code))
    grounds = frozenset(_grounds(code))
    others = (everyday.words, everyday.grounds, everyday.objects, everyday.pair, everyday.many)
    known = learnt.union(*others, everyday.denials, everyday.places, shape_of, color_of, grounds)
    return Vocabulary(everyday, learnt, known, shape_of, color_of, grounds)


def _phrases(code: str) -> Iterator[str]:
    if code == ENGLISH:
        yield from captions.every_phrase()
    else:  # Japanese patterns run into one word where their fields are left out
        phrases = languages.every_phrase(code)
        yield from (phrase for phrase in phrases if code != JAPANESE or "背景" not in phrase)


def _shapes(code: str) -> Iterator[tuple[str, str]]:
    """Yield each word for a shape with its name in nano's world."""
    for shape, keys in _EVERYDAY[code].shapes.items():
        yield from ((key, shape) for key in keys)
    if code == ENGLISH:
        for shape, phrases in captions.SHAPE_WORDS.items():
            keys = frozenset().union(*map(_keys, phrases)) - _NOT_A_SHAPE
            yield from ((key, shape) for key in keys)
        return
    for shape, phrases in languages.LANGUAGES[code].shapes.items():
        for phrase in phrases:  # "f une balle {}": the noun comes last
            noun = phrase.replace("{}", "").split()[-1]
            yield from ((key, shape) for key in spellings(noun.lower()))


def _colors(code: str) -> Iterator[tuple[str, str]]:
    """Yield each word for a colour of things, in all its forms, with its name in nano's world."""
    if code == ENGLISH:
        for color, phrases in captions.COLOR_WORDS.items():
            yield from ((phrase.split()[-1], color) for phrase in phrases)
        return
    for color, forms in languages.LANGUAGES[code].colors.items():
        for word in chain.from_iterable(forms):
            yield from ((key, color) for key in _inflected(code, word))


def _grounds(code: str) -> Iterator[str]:
    """Yield each word for a colour of backgrounds, in all its forms."""
    table = captions.BACKGROUND_WORDS if code == ENGLISH else languages.LANGUAGES[code].grounds
    for phrase in chain.from_iterable(table.values()):
        for word in phrase.split():
            yield from _inflected(code, word)


def _inflected(code: str, word: str) -> frozenset[str]:
    if code == JAPANESE:
        return frozenset({word, word.removesuffix("の"), word.removesuffix("い")})
    stem = re.sub("e[rsmn]?$", "", word) if code == "de" else word
    return spellings(" ".join([word, stem, *(stem + one for one in _ENDINGS.get(code, ()))]))


def _keys(phrase: str) -> frozenset[str]:
    """Return the words of a phrase of captions: of Japanese, the phrase."""
    words = [_ELISION.sub("", match[0]) for match in _WORD.finditer(phrase.lower())]
    return spellings(" ".join(words))
