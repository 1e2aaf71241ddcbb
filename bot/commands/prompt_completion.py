"""Completes prompts: by the words that a model knows, or by prompts and styles. Pure.

What was typed stays as it is, but for a last word that was only begun, and but for a text of which
a model knows nothing.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from generator.contract.bounds import MAX_PROMPT_CHARACTERS
from generator.contract.prompt_words import Part, PromptWords
from generator.contract.travel import text_keys

_ARTICLE = re.compile(r"\b(?:a|an)$", re.IGNORECASE)
_LAST_WORD = re.compile(r"\S*$")
_LONGEST_FRAGMENT = 80  # characters between two commas; more is a prompt of its own
_TRIES = 20  # draws for each completion that is wanted


# -- by a model's words ----------------------------------------------------------------------------


def complete_by_words(typed: str, words: PromptWords, most: int) -> list[str]:
    """Return up to ``most`` prompts that say what was typed and every part that wasn't said.

    The same for the same text; none where every part is said.
    """
    whole = " ".join(typed.split())
    text, begun = _without_begun_word(whole, words)
    choices = _missing(text, words.parts)
    begun_at = next((place for place in choices if _beginning(words.parts[place], begun)), None)
    if begun and begun_at is None:  # it goes on as nothing that is missing
        text, choices = whole, _missing(whole, words.parts)
    elif begun_at is not None:
        choices[begun_at] = _beginning(words.parts[begun_at], begun)
    if len(choices) == len(words.parts) and begun_at is None:
        text = ""  # it says nothing that the model knows
    places = _places(text, words.parts)
    draw = random.Random(typed.casefold())
    found: dict[str, None] = {}
    for _ in range(most * _TRIES if choices else 0):
        drawn = {place: draw.choice(phrases) for place, phrases in choices.items()}
        found[_with_phrases(text, places, drawn)] = None
        if len(found) == most:
            break
    return list(found)


def _missing(text: str, parts: Sequence[Part]) -> dict[int, list[str]]:
    """Return the parts that a text doesn't say, by their places, with their phrases."""
    places = _places(text, parts)
    return {place: list(part) for place, part in enumerate(parts) if places[place] is None}


def _without_begun_word(text: str, words: PromptWords) -> tuple[str, str]:
    """Return the text and the word at its end that is only begun, "" where it is whole."""
    last = _LAST_WORD.search(text)
    begun = last.group().casefold() if last else ""
    known = {word for part in words.parts for phrase in part for word in _said(part, phrase)}
    is_whole = any(begun in phrase.split() for phrase in known)
    if not begun or is_whole or not any(phrase.startswith(begun) for phrase in known):
        return text, ""
    return text[: len(text) - len(begun)].rstrip(), begun


def _beginning(part: Part, begun: str) -> list[str]:
    """Return the phrases of a part that a word is the beginning of; none for no word."""
    return [
        phrase
        for phrase in part
        if begun and any(word.startswith(begun) for word in _said(part, phrase))
    ]


def _said(part: Part, phrase: str) -> Iterator[str]:
    """Yield all that means a phrase, in small letters."""
    yield phrase.casefold()
    yield from (other.casefold() for other in part[phrase])


def _places(text: str, parts: Sequence[Part]) -> list[int | None]:
    """Return where each part is said in a text; None where it isn't.

    The last part is looked for first: the blue of "a navy blue background" is no colour of a thing.
    """
    left, places = text.casefold(), list[int | None]()
    for part in reversed(parts):
        every = {word for phrase in part for word in _said(part, phrase)}
        longest_first = sorted(every, key=len, reverse=True)
        pattern = rf"\b(?:{'|'.join(map(re.escape, longest_first))})\b"
        found = re.search(pattern, left)
        places.append(found.start() if found else None)
        left = re.sub(pattern, lambda match: "\0" * len(match.group()), left)
    return places[::-1]


def _with_phrases(text: str, places: Sequence[int | None], phrases: Mapping[int, str]) -> str:
    """Return the text with phrases of parts, each before the parts that follow it."""
    pieces, done = list[str](), 0
    for place, phrase in phrases.items():
        at = min((at for at in places[place + 1 :] if at is not None), default=len(text))
        before, done = text[done:at].strip(), max(done, at)
        if _ARTICLE.match(phrase.split()[0]):
            before = _ARTICLE.sub("", before).rstrip()  # not "a a red ball" for "a ball"
        pieces += [before, phrase]
    return " ".join(filter(None, [*pieces, text[done:].strip()]))


# -- by prompts that are there ---------------------------------------------------------------------


def complete_by_prompts(
    typed: str, prompts: Sequence[str], fragments: Sequence[str], most: int
) -> list[str]:
    """Return up to ``most`` prompts: those that go on as was typed, then what often follows.

    ``prompts`` come newest first; ``fragments`` are what styles add to one.
    """
    text = " ".join(typed.split())
    if not _is_plain(typed):
        return []
    usable = [" ".join(prompt.split()) for prompt in prompts if _is_plain(prompt)]
    begin = text.casefold()
    found = {
        prompt: None
        for prompt in usable
        if prompt.casefold().startswith(begin) and len(prompt) > len(text)
    }
    if text:
        found |= dict.fromkeys(_with_fragments(text, usable, fragments))
    return [one for one in found if len(one) <= MAX_PROMPT_CHARACTERS][:most]


def _with_fragments(text: str, prompts: Sequence[str], fragments: Sequence[str]) -> Iterator[str]:
    """Yield the text with one more fragment, those first that its last one begins."""
    counts = Counter(part for prompt in prompts for part in fragments_of(prompt)[1:])
    counts.update(part for each in fragments for part in fragments_of(each))
    there = {part.casefold() for part in fragments_of(text)}
    head, comma, last = text.rpartition(",")
    begun, often = last.strip().casefold(), [part for part, _ in counts.most_common()]
    for part in often:
        if comma and begun and part.casefold().startswith(begun) and part.casefold() != begun:
            yield f"{head.rstrip()}, {part}"
    for part in () if _ends_in_a_begun_word(text, prompts) else often:
        if part.casefold() not in there:
            yield f"{text.rstrip(' ,')}, {part}"


def _ends_in_a_begun_word(text: str, prompts: Sequence[str]) -> bool:
    """Return whether the last word is none by itself, but the beginning of one in a prompt."""
    last = text.rpartition(" ")[2].casefold()
    known = {word.strip(".,;:!?") for prompt in prompts for word in prompt.casefold().split()}
    return last not in known and any(word.startswith(last) for word in known)


def fragments_of(prompt: str) -> list[str]:
    """Return what stands between a prompt's commas, where that is short."""
    parts = (part.strip() for part in prompt.split(","))
    return [part for part in parts if 0 < len(part) <= _LONGEST_FRAGMENT]


def _is_plain(prompt: str) -> bool:
    """Return whether a prompt can be taken as it is: no LoRAs that are somebody's, no keys."""
    return "<" not in prompt and "|" not in prompt and not text_keys(prompt, 1)
