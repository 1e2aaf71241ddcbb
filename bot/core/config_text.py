"""The text of a config: that of config.example.toml, and settings put into one that is there."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bot.core.errors import ConfigError
from generator.contract.text_files import read_text
from generator.contract.toml_edit import setting_line, with_setting, without_mark

EXAMPLE = "config.example.toml"
_PLACES = Path(__file__).parents[1:3]  # beside the rooms in the wheel, at the top of a clone


def example_text() -> str:
    """Return the text of config.example.toml, which the wheel has too. Raises ConfigError."""
    found = next((place / EXAMPLE for place in _PLACES if (place / EXAMPLE).is_file()), None)
    if found is None:
        raise ConfigError(
            f"{EXAMPLE} is missing from this installation; install hotshot-bot again with pip."
        )
    return read_text(found)


def values_of(text: str) -> dict[str, Any]:
    """Return what a config's text says. Raises ValueError for one that is no TOML."""
    return tomllib.loads(without_mark(text))


def with_settings(file: Path, text: str, values: Mapping[str, str | bool]) -> str:
    """Return a config's text with ``values`` (``section.key``), all else as it was.

    Raises ConfigError where ``file`` says one in a way that can't be changed line by line.
    """
    for name, value in values.items():
        section, _, key = name.partition(".")
        changed = with_setting(text, section, key, value)
        if changed is None:
            line = setting_line(key, "…" if key == "token" else value)
            raise ConfigError(
                f"{file} sets [{section}] in a form that can't be changed here; write {line} "
                "there yourself."
            )
        text = changed
    return text
