"""Reads the JSON files of a model directory, which may be damaged, foreign or hostile. No torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from generator.contract.errors import ModelError
from generator.contract.json_text import JsonError, parse_json

Allowed = tuple[float, float] | tuple[str, ...]  # from the one to the other, or one of these


def read_native_edge(config_file: Path, default: int) -> int:
    """Return a UNet's edge in pixels; its ``sample_size`` counts latents. Raises ModelError."""
    size = _read(config_file).get("sample_size")
    if size is None:
        return default
    if type(size) is not int or not 4 <= size <= 1024:
        raise ModelError(
            f"{config_file} has sample_size = {_shown(size)}, but a whole number of latents from "
            "4 to 1024 is expected; download it again."
        )
    return size * 8


def read_values(
    path: Path, defaults: Mapping[str, Any], allowed: Mapping[str, Allowed]
) -> dict[str, Any]:
    """Return what a file says of ``defaults``, each of its default's type and as it is ``allowed``.

    Raises ModelError.
    """
    said = _read(path)
    return {
        name: _checked(path, name, said[name], default, allowed[name])
        for name, default in defaults.items()
        if name in said
    }


def is_allowed(value: Any, allowed: Allowed) -> bool:
    """Return whether a value is one of those allowed, or a number between the two."""
    lowest, highest = allowed[0], allowed[-1]
    if isinstance(lowest, str) or isinstance(highest, str):
        return value in allowed
    return type(value) in (int, float) and lowest <= value <= highest  # also refuses nan


def _checked(path: Path, name: str, value: Any, default: Any, allowed: Allowed) -> Any:
    lowest, highest = allowed[0], allowed[-1]
    whole = isinstance(default, int)
    if is_allowed(value, allowed) and not (whole and type(value) is float):
        return value if whole or isinstance(value, str) else float(value)
    if isinstance(lowest, str) or isinstance(highest, str):
        wanted = f"one of {', '.join(str(one) for one in allowed if one != '')}"
    else:
        wanted = f"a {'whole ' if whole else ''}number from {lowest:g} to {highest:g}"
    raise ModelError(f"{path} has {name} = {_shown(value)}, but {wanted} is expected; fix it.")


def _shown(value: Any) -> str:
    return json.dumps(value)[:60]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = parse_json(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ModelError(
            f"{path.parent.name}/{path.name} is missing in {path.parent.parent}; "
            "a model directory has the published layout of Hotshot-XL."
        ) from None
    except (OSError, UnicodeDecodeError, JsonError) as error:
        raise ModelError(f"{path} can't be read: {error}.") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path} isn't a JSON object.")
    return found
