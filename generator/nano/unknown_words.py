"""What in a prompt lies outside the world that nano knows: told from words, before it is loaded.

Errs towards silence: a prompt about nano's shapes may be worded in any everyday way. Captions have
two objects, and what is said to be absent, in English alone; here both pass in every language.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from generator.contract.prompts import plain_text
from generator.nano.vocabulary import (
    ENGLISH,
    Vocabulary,
    Word,
    all_learnt,
    is_japanese,
    language_of,
    vocabulary,
    words_of,
)

_KANA = re.compile("[ぁ-ヺー]")
_POINTED = {"pointed", "point", "points", "corner", "corners", "cornered", "sided"}
_HIRAGANA = re.compile("[ぁ-ゖー]+")
_REACH = 3  # words that a count or a preposition may be about
_DENIAL_REACH = 4


def find_unknown_words(prompt: str) -> list[str]:
    """Return the words that nano has no picture of, in their order.

    Empty for a prompt of its world.
    """
    words = words_of(plain_text(prompt))
    keys = [word.key for word in words]
    said = vocabulary(language_of(keys))
    shapes = [_shape_of(key, said) for key in keys]
    unknown = {index for index in range(len(words)) if not _is_known(keys[index], said)}
    if any(shapes) and (not said.is_japanese or _KANA.search(prompt)):
        # whatever else is said of one of them is a way of saying it, but for its place
        unknown = {index for index in unknown if _is_place(keys, index, said)}
    colors = {index for index, key in enumerate(keys) if key in said.everyday.colors}
    unknown |= (colors | set(_wrong_grounds(keys, said))) - _denied(keys, said)
    unknown |= set(_wrong_counts(keys, shapes, said))
    told = {index: words[index].text for index in unknown} | _too_many(words, shapes, said)
    return list(dict.fromkeys(told[index] for index in sorted(told)))


def _is_known(key: str, said: Vocabulary) -> bool:
    """Return whether it is one of nano's words, perhaps mistyped, or says nothing of a clip."""
    if key in said.known or key in vocabulary(ENGLISH).known or key in all_learnt():
        return True
    ending = said.everyday.adverb_ending
    if key[0].isdigit() or (ending and key.endswith(ending)):
        return True
    if said.is_japanese and len(key) == 1 and _KANA.match(key):  # what is left of a verb's ending
        return True
    return len(key) > 4 and bool(difflib.get_close_matches(key, said.learnt, n=1, cutoff=0.85))


def _shape_of(key: str, said: Vocabulary) -> str | None:
    shape_of = {**vocabulary(ENGLISH).shape_of, **said.shape_of}
    if key in shape_of or key in said.known or len(key) < 5:
        return shape_of.get(key)
    near = difflib.get_close_matches(key, shape_of, n=1, cutoff=0.8)
    return shape_of[near[0]] if near else None


def _is_place(keys: Sequence[str], index: int, said: Vocabulary) -> bool:
    """Return whether an unknown word says where something is, or what is with it."""
    key, places = keys[index], said.everyday.places
    if is_japanese(key):  # kana alone, or twice the same, says how something moves
        is_manner = _HIRAGANA.fullmatch(key) or key[: len(key) // 2] * 2 == key
        near = {*keys[index + 1 : index + 2], *(one for one in keys[:index][-1:] if one == "と")}
        return not is_manner and not places.isdisjoint(near)
    if key.endswith(said.everyday.verb_endings):
        return False
    return any(one in places for one in keys[max(0, index - _REACH) : index])


def _denied(keys: Sequence[str], said: Vocabulary) -> set[int]:
    """Return which words are said to be absent. Japanese says so behind them."""
    ways = range(-_DENIAL_REACH, 0) if said.is_japanese else range(1, _DENIAL_REACH + 1)
    denials = [index for index, key in enumerate(keys) if key in said.everyday.denials]
    return {index + way for index in denials for way in ways}


def _wrong_grounds(keys: Sequence[str], said: Vocabulary) -> Iterator[int]:
    """Yield colours of grounds that only things have in nano's world; blue may mean navy."""
    step = 1 if said.everyday.has_color_behind else -1
    for index, key in enumerate(keys):
        beside = index + step
        if key not in said.everyday.grounds or not 0 <= beside < len(keys):
            continue
        is_named_behind = step < 0 and not said.grounds.isdisjoint(keys[index + 1 : index + 4])
        is_wrong = said.color_of.get(keys[beside], "blue") != "blue"
        if is_wrong and keys[beside] not in said.grounds and not is_named_behind:
            yield beside


def _wrong_counts(
    keys: Sequence[str], shapes: Sequence[str | None], said: Vocabulary
) -> Iterator[int]:
    """Yield counts of three and more, and a two which isn't said of two different objects."""
    for index, key in enumerate(keys):
        count = _count(key, said)
        about = range(index + 1, min(index + 1 + _REACH, len(keys)))
        nouns = [at for at in about if shapes[at] or keys[at] in said.everyday.objects]
        is_of_objects = nouns or (said.is_japanese and not key.isdigit())
        if count < 2 or not is_of_objects or _POINTED.intersection(keys[index + 1 : index + 2]):
            continue
        if key.isdigit() and any(
            keys[at] not in said.color_of for at in about[: nouns[0] - index - 1]
        ):
            continue  # "8 frames of a ball"
        if count > 2 or not _are_two(keys, shapes, said, shapes[nouns[0]] if nouns else None):
            yield index


def _count(key: str, said: Vocabulary) -> int:
    """Return how many a word says: 3 for any number above, and 0 for what is no number."""
    if key in said.everyday.pair:
        return 2
    if key in said.everyday.many:
        return 3
    return min(int(key), 3) if key.isdecimal() and len(key) < 4 else 0


def _are_two(
    keys: Sequence[str], shapes: Sequence[str | None], said: Vocabulary, shape: str | None
) -> bool:
    """Return whether two different things are named where somebody says "two" of them."""
    kinds = set(filter(None, shapes))
    colors = {
        said.color_of[key]
        for key, after in pairwise([*keys, ""])
        if key in said.color_of and after not in said.everyday.grounds
    }
    return (len(kinds) > 1 and not shape) or (len(colors) > 1 and len(kinds) < 2)


def _too_many(
    words: Sequence[Word], shapes: Sequence[str | None], said: Vocabulary
) -> dict[int, str]:
    """Return the objects after the second one, with their colours, by where they are named."""
    keys = [word.key for word in words]
    denied = _denied(keys, said)
    things: list[tuple[str | None, str]] = []
    told = {}
    for index, shape in enumerate(shapes):
        if shape is None or index in denied:
            continue
        at = _color_at(keys, index, said)
        color = None if at is None else said.color_of[keys[at]]
        if any(shape == other and (None in (color, its) or color == its) for its, other in things):
            continue  # named again
        things.append((color, shape))
        if len(things) > 2:
            first, last = sorted((index, index if at is None else at))
            space = "" if is_japanese(keys[index]) else " "
            told[index] = space.join(word.text for word in words[first : last + 1])
    return told


def _color_at(keys: Sequence[str], index: int, said: Vocabulary) -> int | None:
    """Return where the colour of a shape is named: beside it, or beside its adjective."""
    step = 1 if said.everyday.has_color_behind else -1
    near = (index + step, index + 2 * step)
    return next((at for at in near if 0 <= at < len(keys) and keys[at] in said.color_of), None)
