"""Whether a file's numbers are numbers: infinities and NaNs, found without torch or NumPy.

An exponent of ones alone says both, in every floating-point format here; so each number's highest
bytes are looked at, by ``bytes.translate``, at the speed of reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from generator.weightfiles.header import Header

_CHUNK = 1 << 18  # bytes, so that no other thread waits long


class _Format(NamedTuple):
    """``first`` are the highest byte's bits of the exponent, ``second`` those of the next byte."""

    width: int
    first: int
    second: int


# float8 E4M3 ("fn") has no infinity: only all bits beside the sign say that it is no number.
_FORMATS = {
    "F64": _Format(8, 0x7F, 0xF0),
    "F32": _Format(4, 0x7F, 0x80),
    "BF16": _Format(2, 0x7F, 0x80),
    "F16": _Format(2, 0x7C, 0),
    "F8_E5M2": _Format(1, 0x7C, 0),
    "F8_E4M3": _Format(1, 0x7F, 0),
}
FLOATS = frozenset(_FORMATS)


def first_not_finite(path: Path, header: Header, names: Iterable[str]) -> str | None:
    """The first of these tensors with a value that is no finite number; None where all are."""
    with path.open("rb") as opened:
        for name in names:
            about = header.tensors[name]
            format_ = _FORMATS.get(about.dtype)
            if format_ is None:
                continue
            opened.seek(header.body + about.begin)
            left = about.end - about.begin
            while left > 0:
                chunk = opened.read(min(left, _CHUNK))
                if not chunk:  # cut off meanwhile
                    return name
                left -= len(chunk)
                if _has_other(chunk, format_):
                    return name
    return None


def _has_other(chunk: bytes, format_: _Format) -> bool:
    width, first, second = format_
    high = chunk[width - 1 :: width].translate(_table(first))
    if b"\x01" not in high or not second:
        return b"\x01" in high
    low = chunk[width - 2 :: width].translate(_table(second))
    return bool(int.from_bytes(high, "big") & int.from_bytes(low, "big"))


_tables: dict[int, bytes] = {}


def _table(mask: int) -> bytes:
    """1 for each byte that has all bits of ``mask``, else 0."""
    if mask not in _tables:
        _tables[mask] = bytes(byte & mask == mask for byte in range(256))
    return _tables[mask]
