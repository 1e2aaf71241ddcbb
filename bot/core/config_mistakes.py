"""Words a mistake in the config as one sentence that names its place and what is expected there."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import TypeGuard

from pydantic import BaseModel, ValidationError

from bot.core.section import Section

PREFIX = "HOTSHOT_"
"""What the variables that override a key begin with."""


def describe_error(path: Path, error: ValidationError, *, settings: type[BaseModel]) -> str:
    """Return the first mistake as one sentence: the file or variable, the key, what is expected.

    ``settings`` has the sections as its fields.
    """
    first = error.errors()[0]
    location = [part for part in first["loc"] if isinstance(part, str)][:2]
    key = ".".join(location)
    variable = PREFIX + "__".join(location).upper()
    place = f"The variable {variable}" if variable in _environment() else f"{path}: {key}"
    if first["type"] == "extra_forbidden":
        return f"{place} is not a setting{_hint(location, settings)}."
    return f"{place} is wrong: {_expected(first['type'], first['msg'])}."


def _expected(kind: str, message: str) -> str:
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return "a section, such as [discord], is expected"
    return message.removeprefix("Value error, ").replace("Input should be", "it should be")


def _hint(location: list[str], settings: type[BaseModel]) -> str:
    """Return what an unknown key, the last part of ``location``, may have been meant to be."""
    section = settings.model_fields.get(location[0])
    if len(location) == 1:
        known = list(settings.model_fields)
        where = "the sections are"
    else:
        annotation = section.annotation if section else None
        known = list(annotation.model_fields) if _is_section(annotation) else []
        where = f"[{location[0]}] has"
    close = difflib.get_close_matches(location[-1], known, n=1)
    return f"; perhaps {close[0]} was meant" if close else f"; {where} {', '.join(known)}"


def _is_section(annotation: object) -> TypeGuard[type[Section]]:
    return isinstance(annotation, type) and issubclass(annotation, Section)


def _environment() -> set[str]:
    return {name.upper() for name in os.environ}
