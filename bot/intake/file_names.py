"""Makes names that came with a file fit to be shown; they are never part of a path."""

from __future__ import annotations

import unicodedata

MAX_NAME = 80


def shown_name(name: str, limit: int = MAX_NAME) -> str:
    """Return the last part of ``name`` on one line, without letters that can't be seen."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return plain_line(last, limit) or "file"


def plain_line(text: str, limit: int) -> str:
    """Return ``text`` on one line of visible letters, without those that turn text around."""
    visible = "".join(
        " " if letter.isspace() else letter
        for letter in unicodedata.normalize("NFC", text[: limit * 20])
        if letter.isspace() or unicodedata.category(letter)[0] != "C"
    )
    return " ".join(visible.split())[:limit].strip()
