"""What whoever runs the bot reads of an operation. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from discord import Colour, Embed

from bot.core.markdown import escape_markdown
from bot.core.translations import translate_escaped
from bot.operations.outcome import BETWEEN, Line
from generator.contract.text import Text

_LONGEST = 4000  # characters
_MORE = "…"


def outcome_embed(lines: Sequence[Line]) -> Embed:
    """Return the lines of an operation; of too many, the first."""
    text = ""
    for line in map(_words, lines):
        if len(text) + len(line) + 3 > _LONGEST:
            text += f"\n{_MORE}"
            break
        text += f"\n{line}" if text else line
    return Embed(description=text, colour=Colour.dark_grey())


def _words(line: Line) -> str:
    if isinstance(line, Text):
        return translate_escaped(line, escape_markdown)
    return BETWEEN.join(map(_part, line))


def _part(part: str | Text) -> str:
    if isinstance(part, Text):
        return translate_escaped(part, escape_markdown)
    return escape_markdown(part)
