"""The header of a safetensors file: names, shapes and metadata, checked before it is believed.

A file may come from anybody. So the header's size is capped before it is parsed (a legal one of
80 MB takes ten seconds), and every figure in it is checked against the file. Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.errors import ModelError
from generator.words import Words

MAX_LORA_HEADER = 1_000_000  # bytes; a large LoRA's is 400,000
MAX_CHECKPOINT_HEADER = 16_000_000
PICKLE_SUFFIXES = (".ckpt", ".pt", ".pth", ".bin", ".pkl")

_PICKLE_STARTS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_MAX_NAMED_LENGTH = 10**15  # more than any disk holds, so that no product overflows


@dataclass(frozen=True, slots=True)
class Header:
    """``shapes`` by tensor name; ``metadata`` is what the file's maker wrote there, unchecked."""

    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str]


def read_header(path: Path, *, at_most: int) -> Header:
    """Raises ModelError for a pickle, a header beyond ``at_most`` bytes, and a broken file."""
    try:
        with path.open("rb") as opened:
            _refuse_pickle(path, opened.read(9))
            opened.seek(0)
            start = opened.read(8)
            length = int.from_bytes(start, "little")
            body = path.stat().st_size - 8 - length
            if len(start) < 8 or length < 2 or body < 0:
                raise _broken(path, Words("its header is cut off"))
            if length > at_most:
                raise ModelError(
                    "{name} has a header of {length:,} bytes, where {most:,} are plenty; it is "
                    "damaged, or made to do harm.",
                    name=path.name,
                    length=length,
                    most=at_most,
                )
            text = opened.read(length)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ModelError("{path} can't be read ({reason}).", path=path, reason=reason) from error
    return _parsed(path, text, body)


def _refuse_pickle(path: Path, start: bytes) -> None:
    """A header's length may look like a pickle's start; then the header itself follows."""
    looks_so = start.startswith(_PICKLE_STARTS) and start[8:] != b"{"
    if path.suffix.lower() in PICKLE_SUFFIXES or looks_so:
        raise ModelError(
            "{name} is a pickle, which could run code when read; get the .safetensors version "
            "of it, or convert it on a machine you don't mind losing.",
            name=path.name,
        )


def _parsed(path: Path, text: bytes, body: int) -> Header:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _broken(path, Words("its header is no JSON")) from error
    if not isinstance(values, dict):
        raise _broken(path, Words("its header is no JSON object"))
    metadata = values.pop("__metadata__", {})
    if not isinstance(metadata, dict):
        raise _broken(path, Words("its metadata is no JSON object"))
    shapes = {name: _shape(path, name, about, body) for name, about in values.items()}
    return Header(shapes, {key: text for key, text in metadata.items() if isinstance(text, str)})


def _shape(path: Path, name: str, about: Any, body: int) -> tuple[int, ...]:
    """The shape of one tensor, whose bytes must lie within the file."""
    if isinstance(about, dict):
        shape, offsets = _counts(about.get("shape")), _counts(about.get("data_offsets"))
        if shape is not None and offsets is not None and len(offsets) == 2:
            begin, end = offsets
            if begin <= end <= body:
                return shape
            raise _broken(path, Words("the end of {name} is missing", name=name[:80]))
    raise _broken(path, Words("its header says nonsense of {name}", name=name[:80]))


def _counts(values: Any) -> tuple[int, ...] | None:
    if isinstance(values, list) and all(
        type(value) is int and 0 <= value <= _MAX_NAMED_LENGTH for value in values
    ):
        return tuple(values)
    return None


def _broken(path: Path, reason: Words) -> ModelError:
    return ModelError(
        "{name} is truncated or no safetensors file ({reason}); fetch it again.",
        name=path.name,
        reason=reason,
    )
