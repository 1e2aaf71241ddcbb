"""Whether a file's numbers are numbers: infinities and NaNs, found without torch or NumPy.

An exponent of ones alone says both, in every floating-point format here; so each number's highest
bytes are looked at, by ``bytes.translate``, at the speed of reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from generator.checkpoints.inspect.header import Header

_CHUNK = 1 << 18  # bytes, so that no other thread waits long


class _Format(NamedTuple):
    """Where a floating-point format has its exponent, in numbers of ``width`` bytes.

    ``first`` are the highest byte's bits of it, ``second`` those of the next byte.
    """

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
    """Return the first of these tensors with a value that is no finite number.

    None is returned where all are.
    """
    wanted = sorted(names, key=lambda name: header.tensors[name].begin)
    with path.open("rb") as opened:
        for start, end, format_, first in _runs(header, wanted):
            opened.seek(header.body + start)
            at = start
            while at < end:
                chunk = opened.read(min(end - at, _CHUNK))
                if not chunk or _has_other(chunk, format_):
                    return _holding(header, wanted[first:], at, at + len(chunk), path)
                at += len(chunk)
    return None


def _runs(header: Header, names: Sequence[str]) -> Iterator[tuple[int, int, _Format, int]]:
    """Yield neighbours of one format, which are read in one go.

    Each is where it begins and ends, its format, and the first tensor's position among ``names``.
    """
    run: tuple[int, int, _Format, int] | None = None
    for position, name in enumerate(names):
        info = header.tensors[name]
        format_ = _FORMATS.get(info.dtype)
        if format_ is None:
            continue
        if run is not None and run[1] == info.begin and run[2] is format_:
            run = (run[0], info.end, format_, run[3])
            continue
        if run is not None:
            yield run
        run = (info.begin, info.end, format_, position)
    if run is not None:
        yield run


def _holding(header: Header, names: Sequence[str], start: int, end: int, path: Path) -> str:
    """Return the first of ``names`` that holds such a value in these bytes."""
    reaching = [
        name
        for name in names
        if header.tensors[name].end > start and header.tensors[name].begin < max(end, start + 1)
    ]
    with path.open("rb") as opened:
        for name in reaching:
            info = header.tensors[name]
            begin, stop = max(info.begin, start), min(info.end, end)
            opened.seek(header.body + begin)
            if _has_other(opened.read(stop - begin), _FORMATS[info.dtype]):
                return name
    return reaching[0]  # the file was cut off meanwhile


def _has_other(chunk: bytes, format_: _Format) -> bool:
    width, first, second = format_
    high = chunk[width - 1 :: width].translate(_table(first))
    if b"\x01" not in high or not second:
        return b"\x01" in high
    low = chunk[width - 2 :: width].translate(_table(second))
    return bool(int.from_bytes(high, "big") & int.from_bytes(low, "big"))


_tables: dict[int, bytes] = {}


def _table(mask: int) -> bytes:
    """Return a table with 1 for each byte that has all bits of ``mask``, else 0."""
    if mask not in _tables:
        _tables[mask] = bytes(byte & mask == mask for byte in range(256))
    return _tables[mask]
