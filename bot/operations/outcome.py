"""What an operation has to say: values for programs, and lines for people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.core.markdown import Markdown
from generator.contract.text import Text

Row = tuple[str | Text, ...]
Line = Text | Row
"""A sentence, or a few words that stand beside each other."""

BETWEEN = " · "
_MENTION = re.compile(r"<@!?(\d+)>")
_TIME = re.compile(r"<t:(\d+):\w>")


@dataclass(frozen=True, slots=True)
class Outcome:
    """``values`` are plain JSON values."""

    values: dict[str, Any] = field(default_factory=dict)
    lines: Sequence[Line] = ()


def shell_text(lines: Sequence[Line]) -> str:
    """Return lines in English as a shell shows them, without Discord's marks."""
    rows = (line if isinstance(line, tuple) else (line,) for line in lines)
    return "\n".join(_plain(BETWEEN.join(map(str, row))) for row in rows)


def person(user_id: int) -> Markdown:
    """Return what stands for a person: Discord shows their name."""
    return Markdown(f"<@{user_id}>")


def moment(at: datetime) -> Markdown:
    """Return what stands for a time: Discord shows it as the reader's clock has it."""
    return Markdown(f"<t:{int(at.timestamp())}:f>")


def _plain(words: str) -> str:
    return _TIME.sub(_utc, _MENTION.sub(r"\1", words))


def _utc(found: re.Match[str]) -> str:
    return f"{datetime.fromtimestamp(int(found[1]), UTC):%Y-%m-%d %H:%M:%S} UTC"
