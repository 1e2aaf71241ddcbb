"""Puts one setting into the text of a TOML file that a person keeps; comments and order stay.

Standard library only. Knows no settings, and no files.
"""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any


def with_setting(text: str, section: str, key: str, value: str | bool) -> str | None:
    """Return the text with ``key = value`` in the section; its other lines as they were.

    A byte order mark at its beginning stays. Returns None where the section isn't a table of its
    own, or says it in another way that can't be changed line by line. Raises ValueError for a text
    that is no TOML.
    """
    plain = without_mark(text)
    changed = _with_line(plain, section, key, value)
    wanted: dict[str, Any] = tomllib.loads(plain)
    table = wanted.setdefault(section, {})
    if isinstance(table, dict):
        table[key] = value
    if changed is None or _loaded(changed) != wanted:
        return None
    return text[: len(text) - len(plain)] + changed


def without_mark(text: str) -> str:
    """Return a text without the mark that some editors begin a file with."""
    return text.removeprefix("\ufeff")


def setting_line(key: str, value: str | bool) -> str:
    """Return the line that sets a key."""
    return f"{key} = {json.dumps(value, ensure_ascii=False)}"


def _with_line(text: str, section: str, key: str, value: str | bool) -> str | None:
    lines = text.splitlines(keepends=True)
    newline = "\r\n" if "\r\n" in text else "\n"
    line = setting_line(key, value)
    header = next((at for at, one in enumerate(lines) if _header(one) == section), None)
    if header is None:
        if section in tomllib.loads(text):
            return None
        gap = newline if text.strip() else ""
        end = newline if text and not text.endswith("\n") else ""
        return f"{text}{end}{gap}[{section}]{newline}{line}{newline}"
    at = header + 1
    while at < len(lines) and _header(lines[at]) is None:
        found = re.match(rf"""(\s*)["']?{re.escape(key)}["']?\s*=\s*""", lines[at])
        if found:
            lines[at] = f"{found[1]}{line}{_comment(lines[at][found.end() :])}{newline}"
            return "".join(lines)
        at += 1
    if not lines[header].endswith("\n"):
        lines[header] += newline
    lines.insert(header + 1, line + newline)
    return "".join(lines)


def _header(line: str) -> str | None:
    """Return the name of the table that begins on this line."""
    found = re.match(r"""\s*\[\[?\s*([^\]]+?)\s*\]""", line)
    return found[1].strip("\"'") if found else None


def _comment(rest: str) -> str:
    """Return what follows a value on its line, with the blanks before it."""
    value = re.match(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|[^#\s]*', rest)
    found = re.match(r"\s*#.*", rest[value.end() if value else 0 :].rstrip("\r\n"))
    return found[0] if found else ""


def _loaded(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except ValueError:
        return None
