"""Escapes strangers' text, so that Discord makes no formatting, link or ping of it. Pure.

The one place for this: prompts, names, trigger words, tags and what a sentence quotes pass here.
"""

from __future__ import annotations

import re

# Left as they are, since Discord shows the whole of such a link and reads no marks inside it.
_BARE_LINK = r"(?<![\w/])https?://[^\s<>\[\]()*`|~\\\"']+"
_MARK = r"[\\`*_~|\[\]<>]"
_PING = r"@(?=everyone|here|[!&]?\d{15,})"
_LINE_START = r"(?m:^\s*(?:[#\-+]|\d+(?=[.)])))"
_LIVE = re.compile(f"(?P<link>{_BARE_LINK})|(?P<start>{_LINE_START})|{_PING}|{_MARK}")
_NOTHING = "\N{ZERO WIDTH SPACE}"


class Markdown(str):
    """Text that is meant to be read as markdown: ``escape_markdown`` leaves it as it is."""

    __slots__ = ()


def escape_markdown(text: str) -> str:
    """Return ``text`` as plain text: no formatting, masked links, mentions or pings."""
    return text if isinstance(text, Markdown) else _LIVE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    if link := found["link"]:
        return link
    text = found[0]
    if start := found["start"]:
        mark = start.lstrip()
        space = start[: len(start) - len(mark)]
        return f"{space}{mark}\\" if mark.isdigit() else f"{space}\\{mark}"
    return f"@{_NOTHING}" if text == "@" else f"\\{text}"
