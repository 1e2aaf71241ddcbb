"""Reads what a person types as a slash command: ``/gif a red ball frames:16 size:wide``.

Text that follows no option's name goes to the command's first text option. A value ends where the
next option's name begins; double quotes keep a colon from meaning anything. Pure: knows registered
commands in Discord's JSON, and neither people nor the bot.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.errors import NotOffered

Json = dict[str, Any]

_SUB_COMMANDS = (1, 2)
_STRING, _INTEGER, _BOOLEAN, _NUMBER = 3, 4, 5, 10
_CHAT_INPUT = 1
_NAMED = re.compile(r"(?<!\S)([^\W\d][\w-]*):")
_VALUE = re.compile(r"(?!//)\S")
_QUOTE = "(Text with a colon in it goes into quotes.)"
_QUOTED = re.compile(r'"[^"]*"')
_NEAR = 0.6  # how alike two names must be for one to be meant by the other
_TRUTHS = dict.fromkeys(("true", "yes", "on", "1"), True) | dict.fromkeys(
    ("false", "no", "off", "0"), False
)


@dataclass(frozen=True, slots=True)
class Typed:
    """A command's name, its sub-commands, and its options as they were typed."""

    name: str
    words: tuple[str, ...]
    options: tuple[Json, ...]  # that it has, as registered
    values: dict[str, str] = field(default_factory=dict)

    @property
    def command(self) -> str:
        return " ".join((self.name, *self.words))

    def option(self, name: str) -> Json:
        return next(option for option in self.options if option["name"] == name)


def read(line: str, commands: Iterable[Json]) -> Typed:
    """Read a line that begins with a slash. Raises NotOffered, naming what was probably meant."""
    name, rest = _first_word(line.strip().removeprefix("/"))
    known = {each["name"]: each for each in commands if each["type"] == _CHAT_INPUT}
    if name.lower() not in known:
        raise NotOffered(_unknown(f"command /{name}", name, known, slash="/"))
    command = known[name.lower()]
    words: list[str] = []
    options: Sequence[Json] = command.get("options") or ()
    while any(option["type"] in _SUB_COMMANDS for option in options):
        inner = {option["name"]: option for option in options}
        path = " ".join((f"/{command['name']}", *words))
        word, rest = _first_word(rest)
        if not word:
            raise NotOffered(f"{path} wants one of these after it: {', '.join(inner)}.")
        if word.lower() not in inner:
            raise NotOffered(_unknown(f"command {path} {word}", word, inner))
        words.append(word.lower())
        options = inner[word.lower()].get("options") or ()
    typed = Typed(command["name"], tuple(words), tuple(options))
    return Typed(typed.name, typed.words, typed.options, _values(typed, rest))


def _values(typed: Typed, text: str) -> dict[str, str]:
    names = [option["name"] for option in typed.options]
    lead, values = split(text, names, of=f"/{typed.command}")
    if not lead:
        return values
    strings = [option for option in typed.options if option["type"] == _STRING]
    taker = next((each for each in strings if each.get("required")), next(iter(strings), None))
    if taker is None:
        raise NotOffered(f"/{typed.command} takes no text such as {lead!r}{_has(names)}.")
    if taker["name"] in values:
        raise NotOffered(f"The option {taker['name']} is there twice: {lead!r}, and by its name.")
    return {taker["name"]: lead} | values


def split(text: str, names: Sequence[str], *, of: str) -> tuple[str, dict[str, str]]:
    """Split a text into what stands before the first ``name:`` and the value of each name.

    Names are of one word; ``of`` is what has them. Raises NotOffered for ``word:value`` with
    another word, other than an address.
    """
    plain = _QUOTED.sub(lambda found: "_" * len(found[0]), text)
    marks: list[tuple[str, int, int]] = []
    for found in _NAMED.finditer(plain):
        name = found[1].lower().replace("-", "_")
        if name in names:
            marks.append((name, found.start(), found.end()))
        elif _VALUE.match(plain, found.end()):
            raise NotOffered(f"{_unknown(f'option {found[1]}', name, names)} {_QUOTE}")
    beginnings = [start for _, start, _ in marks] + [len(text)]
    values: dict[str, str] = {}
    for (name, _, start), end in zip(marks, beginnings[1:], strict=True):
        if name in values:
            raise NotOffered(f"The option {name} of {of} is there twice.")
        values[name] = unquoted(text[start:end])
    return unquoted(text[: beginnings[0]]), values


def value_of(option: Json, text: str) -> Any:
    """Return a typed value as its option takes it: a number, a truth, a choice's value, or text.

    Raises NotOffered for a choice that isn't there. What is no number stays text, for the client
    to refuse.
    """
    if option.get("choices"):
        return _choice(option, text)
    kind = option["type"]
    if kind == _BOOLEAN:
        return truth(text)
    if kind not in (_INTEGER, _NUMBER):
        return text
    for number in (int, float)[: 1 if kind == _INTEGER else 2]:
        try:
            return number(text.replace(",", ".") if number is float else text)
        except ValueError:
            continue
    return text


def pick(wanted: str, labels: Sequence[str]) -> str | None:
    """Return the label that equals ``wanted``, or else the only one that begins so or holds it."""
    lower = wanted.strip().lower()
    for fits in (str.__eq__, str.startswith, str.__contains__):
        found = [label for label in labels if fits(label.lower(), lower)]
        if found and (len(found) == 1 or fits is str.__eq__):
            return found[0]
    return None


def pick_several(wanted: str, labels: Sequence[str]) -> list[str] | None:
    """Return the labels that are meant, one or several with commas between; None for others."""
    if not wanted.strip():
        return []
    whole = pick(wanted, labels)
    if whole is not None:
        return [whole]
    meant = [pick(each.lstrip("@#"), labels) for each in listed(wanted)]
    return [each for each in meant if each is not None] if None not in meant else None


def listed(text: str) -> list[str]:
    """Return what stands between the commas of a text."""
    return [unquoted(each) for each in text.split(",") if each.strip()]


def truth(text: str) -> bool | str:
    """Return True or False, or a text that is neither as it is."""
    return _TRUTHS.get(text.lower(), text)


def not_among(what: str, wanted: str, labels: Sequence[str]) -> NotOffered:
    """Return the error for a wanted label that fits none or several."""
    return NotOffered(_unknown(f"{what} {wanted!r}", wanted, labels))


def unquoted(text: str) -> str:
    """Return a text without the quotes around all of it."""
    text = text.strip()
    return text[1:-1] if _QUOTED.fullmatch(text) else text


def _choice(option: Json, text: str) -> Any:
    names = {str(choice["name"]): choice["value"] for choice in option["choices"]}
    values = {str(choice["value"]): choice["value"] for choice in option["choices"]}
    for known in (values, names):
        meant = pick(text, list(known))
        if meant is not None:
            return known[meant]
    raise not_among(f"{option['name']}", text, list(names))


def _first_word(text: str) -> tuple[str, str]:
    word, _, rest = text.strip().partition(" ")
    return word, rest.strip()


def _unknown(what: str, name: str, names: Iterable[str], slash: str = "") -> str:
    """Return a sentence with the name that was probably meant, or with all names."""
    by_lower = {each.lower(): each for each in names}
    near = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=_NEAR)
    if near:
        return f"There is no {what}; do you mean {slash}{by_lower[near[0]]}?"
    listed = ", ".join(f"{slash}{each}" for each in by_lower.values()) or "none"
    return f"There is no {what}; there are: {listed}."


def _has(names: Sequence[str]) -> str:
    return f"; its options are {', '.join(names)}" if names else " or option"
