"""The values of a recipe as a stranger's file has them: each of its field's type, and bounded.

Whatever passes can be computed with, written as UTF-8 and shown in a sentence. Whether it is in a
model's range is for ``ModelLimits.check``. Every refusal is an InvalidValueError.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints

from generator.contract.messages import ChosenStage, Control, Lora, Request, upgraded

_LONGEST_TEXT = 60_000  # characters; as much as a file carries
_LONGEST_NAME = 4096  # as long as any path
_MOST_PARTS = 100  # LoRAs, ControlNets, hashes
_LARGEST = 2**64 - 1
_TEXTS = ("prompt", "negative_prompt")
_PLAIN = (int, float, str, bool)

_Built = TypeVar("_Built")


class InvalidValueError(ValueError):
    """A value that a field can't have; what of it is wrong, to follow "can't be used"."""


def read_request(values: Any) -> Request:
    """Return a request of any version's JSON values; unknown keys are passed over.

    Raises InvalidValueError.
    """
    known = read_fields(
        "request", Request, upgraded(values) if isinstance(values, dict) else values
    )
    for key, name, kind in (
        ("loras", "lora", Lora),
        ("controls", "control", Control),
        ("stages", "stage", ChosenStage),
    ):
        parts = _listed(key, values.get(key, ()))
        known[key] = tuple(_build(kind, read_fields(name, kind, one)) for one in parts)
    for key in ("original_size", "target_size"):
        if key in known:
            known[key] = tuple(read_value(key, int, edge) for edge in _listed(key, known[key]))
            if len(known[key]) != 2:
                raise InvalidValueError(f"{key} has {len(known[key])} parts")
    return _build(Request, known)


def read_fields(name: str, kind: type, values: Any) -> dict[str, Any]:
    """Return the values of a dataclass's fields that are there; a sentence calls them ``name``.

    Raises InvalidValueError.
    """
    if not isinstance(values, dict):
        raise InvalidValueError(f"its {name} isn't an object")
    hints = get_type_hints(kind)
    return {
        one.name: read_value(one.name, hints[one.name], values[one.name])
        for one in fields(kind)
        if one.name in values
    }


def read_value(name: str, wanted: Any, value: Any) -> Any:
    """Return one value, checked to be ``wanted``; types that aren't plain are for the caller."""
    if wanted is float and type(value) is int and abs(value) <= _LARGEST:
        value = float(value)
    allowed = get_args(wanted) if isinstance(wanted, UnionType) else (wanted,)
    if allowed[0] not in _PLAIN:
        return value
    if type(value) not in allowed:
        raise InvalidValueError(f"{name} is {_shown(value)}")
    _check_bounds(name, value)
    return value


def read_string_map(what: str, values: Any) -> dict[str, str]:
    """Return texts by name, such as hashes; ``what`` they are is said. Raises InvalidValueError."""
    if not isinstance(values, dict) or not all(type(value) is str for value in values.values()):
        raise InvalidValueError(f"its {what} aren't an object of texts")
    if len(values) > _MOST_PARTS:
        raise InvalidValueError(f"it has {len(values)} {what}")
    for name, value in values.items():
        _check_bounds(f"a name among the {what}", name)
        _check_bounds(f"one of the {what}", value)
    return dict(values)


def _build(kind: Callable[..., _Built], values: Mapping[str, Any]) -> _Built:
    """Return a dataclass of these values, which were read. Raises InvalidValueError."""
    try:
        return kind(**values)
    except TypeError as error:  # a field without a default is missing
        raise InvalidValueError(str(error)) from error


def _listed(name: str, values: Any) -> Sequence[Any]:
    if not isinstance(values, list | tuple):
        raise InvalidValueError(f"{name} is {_shown(values)}")
    if len(values) > _MOST_PARTS:
        raise InvalidValueError(f"{name} has {len(values)} parts")
    return values


def _check_bounds(name: str, value: Any) -> None:
    if isinstance(value, int) and abs(value) > _LARGEST:
        raise InvalidValueError(f"{name} has {value.bit_length() * 3 // 10} digits")
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidValueError(f"{name} is {value}")
    if isinstance(value, str):
        if len(value) > (_LONGEST_TEXT if name in _TEXTS else _LONGEST_NAME):
            raise InvalidValueError(f"{name} has {len(value):,} characters")
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise InvalidValueError(f"{name} contains bytes that aren't text")


def _shown(value: Any) -> str:
    """Return a value as JSON, cut. A huge integer is never written out: that alone takes long."""
    if isinstance(value, int) and abs(value) > _LARGEST:
        return "a huge number"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return json.dumps(value)[:40]
