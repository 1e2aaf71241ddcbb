"""Writes one setting into a TOML file that a person keeps, whose comments and order stay.

Standard library only. Knows no settings of the bot's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

from generator.contract.errors import RequestError

SECTION = "generator"


def check_config(path: Path) -> str:
    """Return the file's text.

    Raises RequestError where it isn't there, is no TOML or can't be written.
    """
    try:
        text = path.read_bytes().decode()  # with the line ends that it has
        tomllib.loads(_plain(text))
        with path.open("ab"):
            pass
    except FileNotFoundError:
        raise RequestError(
            f"There is no {path} to pin a revision in; copy config.example.toml to it first."
        ) from None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise RequestError(f"{path} can't be written ({reason}).") from error
    except ValueError as error:
        raise RequestError(f"{path} is not valid TOML ({error}); mend it first.") from error
    return text


def pin(path: Path, key: str, value: str) -> None:
    """Set ``key`` in the section ``[generator]``. Raises HotshotError; then nothing is changed."""
    text = check_config(path)
    changed = with_setting(_plain(text), key, value)
    wanted: dict[str, Any] = tomllib.loads(_plain(text))
    section = wanted.setdefault(SECTION, {})
    if isinstance(section, dict):
        section[key] = value
    if changed is None or _loaded(changed) != wanted:
        raise RequestError(
            f"{path} says where [{SECTION}] is in a way that can't be changed here; write "
            f"{key} = {_quoted(value)} there yourself."
        )
    _replace(path.resolve(), text[: len(text) - len(_plain(text))] + changed)


def with_setting(text: str, key: str, value: str) -> str | None:
    """Return the text with ``key = value`` in the section; its other lines as they were.

    None is returned where the section isn't a table of its own.
    """
    lines = text.splitlines(keepends=True)
    newline = "\r\n" if "\r\n" in text else "\n"
    line = f"{key} = {_quoted(value)}"
    header = next((at for at, one in enumerate(lines) if _header(one) == SECTION), None)
    if header is None:
        if SECTION in tomllib.loads(text):
            return None
        gap = newline if text.strip() else ""
        end = newline if text and not text.endswith("\n") else ""
        return f"{text}{end}{gap}[{SECTION}]{newline}{line}{newline}"
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


def _plain(text: str) -> str:
    """Return a text without the mark that some editors begin a file with."""
    return text.removeprefix("\ufeff")


def _replace(path: Path, text: str) -> None:
    """Write a file in one step. Who may read it stays as it was: it may hold a token."""
    scratch = path.with_name(f".{path.name}-{os.getpid()}.part")
    try:
        try:
            scratch.touch(mode=0o600)
            shutil.copymode(path, scratch)
            scratch.write_bytes(text.encode())
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise RequestError(f"{path} can't be written ({reason}).") from error


def _header(line: str) -> str | None:
    """Return the name of the table that begins on this line."""
    found = re.match(r"""\s*\[\[?\s*([^\]]+?)\s*\]""", line)
    return found[1].strip("\"'") if found else None


def _comment(rest: str) -> str:
    """Return what follows a value on its line, with the blanks before it."""
    value = re.match(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|[^#\s]*', rest)
    found = re.match(r"\s*#.*", rest[value.end() if value else 0 :].rstrip("\r\n"))
    return found[0] if found else ""


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _loaded(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except ValueError:
        return None
