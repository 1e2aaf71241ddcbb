"""Names that came with a file: only ever shown, never part of a path."""

from __future__ import annotations

import unicodedata

MAX_NAME = 80


def shown_name(name: str, limit: int = MAX_NAME) -> str:
    """The last part of ``name`` on one line, without what can't be seen or turns text around."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return plain_line(last, limit) or "file"


def plain_line(text: str, limit: int) -> str:
    """``text`` on one line of what is seen: no controls, no direction marks, no zero width."""
    visible = "".join(
        " " if letter.isspace() else letter
        for letter in unicodedata.normalize("NFC", text[: limit * 20])
        if letter.isspace() or unicodedata.category(letter)[0] != "C"
    )
    return " ".join(visible.split())[:limit].strip()
