"""Sentences that can still be said in another language: a template, and the values in it.

``str()`` is English, which is what templates are written in and looked up by; who knows the reader
(``bot.core.translations``) looks the template up in the reader's language. Standard library only,
since they travel from a worker to the bot, and knows no language but English.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, ClassVar, Self

from generator.contract.json_text import parse_json


class Text:
    """``Text("The file is larger than {most:.3g} MB.", most=8.0)``.

    A value is text, a number, or a Text, which are said in the same language; anything else is
    turned into text. Without values the template is taken as it stands, braces and all.
    """

    __slots__ = ("number", "plural", "template", "values")

    def __init__(self, template: str, /, **values: Any) -> None:
        self.template = template
        self.plural = ""
        self.number = 1
        self.values = {name: _plain(value) for name, value in values.items()}

    def __str__(self) -> str:
        template = self.template if self.number == 1 or not self.plural else self.plural
        return template.format(**self.values) if self.values else template

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __repr__(self) -> str:
        return f"Text({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Text) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self.template)

    def __bool__(self) -> bool:
        return bool(self.template)

    def to_dict(self) -> dict[str, Any]:
        """Return the template, the values and the number as plain JSON values."""
        values = {
            name: value.to_dict() if isinstance(value, Text) else value
            for name, value in self.values.items()
        }
        counting = {"plural": self.plural, "number": self.number} if self.plural else {}
        return {"template": self.template, "values": values} | counting

    def with_values(self, **values: Any) -> Text:
        """Return this template with these values as well."""
        return Text.from_dict(self.to_dict() | {"values": self.to_dict()["values"] | values})

    def mapped(self, change: Callable[[str], str | Text]) -> Text:
        """Return this Text with ``change`` applied to every text among its values."""
        changed = copy(self)
        changed.values = {
            name: value.mapped(change)
            if isinstance(value, Text)
            else change(value)
            if isinstance(value, str)
            else value
            for name, value in self.values.items()
        }
        return changed

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Self:
        """Return the Text that ``to_dict`` wrote. Raises ValueError for any other value."""
        template, values = said.get("template"), said.get("values", {})
        plural, number = said.get("plural", ""), said.get("number", 1)
        is_text = isinstance(template, str) and isinstance(values, Mapping)
        if not is_text or not isinstance(plural, str) or not isinstance(number, int):
            raise ValueError(f"{said!r:.200} is no Text")
        made = cls(
            str(template),
            **{
                name: cls.from_dict(value) if isinstance(value, Mapping) else value
                for name, value in values.items()
            },
        )
        made.plural, made.number = plural, number
        return made


NO_TEXT = Text("")


def plural(one: str, many: str, number: int, /, **values: Any) -> Text:
    """Return a Text that depends on a number, which stands in its templates as ``{count}``."""
    words = Text(one, count=number, **values)
    words.plural, words.number = many, number
    return words


class TranslatableError(Exception):
    """An error whose sentence is a Text: a template and its values, or a Text as it is.

    ``is_translated``: somebody in Discord may read it, in their language. A class that says False
    is only ever read in a terminal, in English.
    """

    is_translated: ClassVar[bool] = True

    def __init__(self, words: str | Text, /, **values: Any) -> None:
        self.words = words if isinstance(words, Text) else Text(words, **values)
        super().__init__(str(self.words))


def print_refusal(error: Exception) -> None:
    """Print why a child refuses, as its last word.

    A line on standard error is for a person, and JSON on standard output for the bot that started
    it (``parse_refusal``).
    """
    words = (
        error.words if isinstance(error, TranslatableError) else Text(" ".join(str(error).split()))
    )
    print(words, file=sys.stderr)
    print(json.dumps({"refused": words.to_dict()}))


def print_note(words: Text) -> None:
    """Print what a child wants a person to know, as JSON for the bot that started it."""
    print(json.dumps({"note": words.to_dict()}))


def parse_notes(printed: bytes) -> list[Text]:
    """Return what a child said by ``print_note``, in order."""
    found = (_printed_text(line, "note") for line in printed.splitlines())
    return [words for words in found if words is not None]


def parse_refusal(printed: bytes) -> Text | None:
    """Return what a child said by ``print_refusal``; None where it said nothing."""
    lines = printed.splitlines() or [b""]
    return _printed_text(lines[-1], "refused")


def _printed_text(line: bytes, key: str) -> Text | None:
    """Return the Text that a child printed under this key; None for any other line, a library's."""
    try:
        printed = parse_json(line)
        said = printed.get(key) if isinstance(printed, dict) else None
        return Text.from_dict(said) if isinstance(said, dict) else None
    except ValueError:
        return None


def _plain(value: object) -> str | int | float | Text:
    return value if isinstance(value, str | int | float | Text) else str(value)
