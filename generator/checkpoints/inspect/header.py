"""The header of a safetensors file: names, shapes and metadata, checked before it is believed.

A file may come from anybody, and a header may have 100 MB: kohya's trainer counts every tag of a
large data set there. So the header is mapped, not read, and scanned once. Long metadata is stepped
over, and what is said of each tensor is checked against the file, by the rules of the safetensors
library: whatever is accepted here can be loaded by it. Standard library only.
"""

from __future__ import annotations

import json
import math
import mmap
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from generator.checkpoints.inspect.not_safetensors import FOREIGN_BYTES, refuse_foreign
from generator.contract.errors import ModelError
from generator.contract.text import Text

MAX_HEADER = 100_000_000  # bytes; the safetensors library reads no longer one
MAX_TENSORS = 500_000  # the largest checkpoint of today has some 10,000

_METADATA = "__metadata__"
_LONGEST_NAME = 1_000  # bytes
_LONGEST_ABOUT = 4_000  # bytes of what is said of one tensor
_LONGEST_VALUE = 4_000_000  # bytes of one value of the metadata; a longer one is stepped over
_LONGEST_METADATA = 16_000_000  # bytes of all that is kept of it
_COST_OF_ENTRY = 200  # bytes
_Read = Callable[["re.Match[bytes]", int], int]

_MAX_NAMED_LENGTH = 10**15  # more than any disk holds, so that no product overflows

_SPACE = rb"[ \t\r\n]*+"
_TEXT = rb'"([^"\\\x00-\x1f]*+(?:\\.[^"\\\x00-\x1f]*+)*+)"'
_KEY = re.compile(_SPACE + _TEXT + _SPACE + rb":" + _SPACE)
_VALUE = re.compile(_TEXT)
_NEXT = re.compile(_SPACE + rb"([,}])")
_BEGIN = re.compile(_SPACE + rb"\{")
_EMPTY = re.compile(_SPACE + rb"\}")
# A whole entry as the library itself writes it, but the last; others are read in steps, by json.
_USUAL = re.compile(
    rb'"([^"\\\x00-\x1f]{1,1000}+)":\{"dtype":"([A-Z0-9_]{1,20}+)","shape":\[([0-9,]{0,1000}+)\],'
    rb'"data_offsets":\[([0-9]{1,18}+),([0-9]{1,18}+)\]\},'
)

_BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3", "F8_E8M0"), 8),
    **dict.fromkeys(("F8_E4M3FNUZ", "F8_E5M2FNUZ"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 64),
    **dict.fromkeys(("F6_E2M3", "F6_E3M2"), 6),
    "F4": 4,
}


class TensorInfo(NamedTuple):
    """What a header says of one tensor; its bytes are from ``begin`` to ``end`` of the body."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of a safetensors file says.

    ``metadata`` is what the file's maker wrote there, unchecked, without its longest values.

    ``body`` is where the tensors' bytes begin.
    """

    tensors: Mapping[str, TensorInfo]
    metadata: Mapping[str, str]
    body: int

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes by tensor name."""
        return {name: info.shape for name, info in self.tensors.items()}


def read_header(path: Path) -> Header:
    """Return a file's header. Raises ModelError, one sentence, for a broken or foreign file."""
    try:
        with path.open("rb") as opened:
            refuse_foreign(path, opened.read(FOREIGN_BYTES))
            opened.seek(0)
            start = opened.read(8)
            length = int.from_bytes(start, "little")
            body = path.stat().st_size - 8 - length
            if len(start) < 8 or length < 2 or body < 0:
                raise _broken(path, Text("its header is cut off"))
            if length > MAX_HEADER:
                raise _broken(
                    path,
                    Text("its header is larger than {most:,} bytes", most=MAX_HEADER),
                )
            with mmap.mmap(opened.fileno(), 8 + length, access=mmap.ACCESS_READ) as mapped:
                return _Scan(path, mapped, body).header()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ModelError("{path} can't be read ({reason}).", path=path, reason=reason) from error


def printable(name: str, limit: int = 100) -> str:
    """Return a stranger's name on one line, without what can't be seen."""
    letters = "".join(letter if letter.isprintable() else " " for letter in name[: limit * 4])
    line = " ".join(letters.split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


class _Scan:
    """One pass over the header of one file."""

    def __init__(self, path: Path, mapped: mmap.mmap, body: int) -> None:
        self._path = path
        self._bytes = mapped
        self._body = body
        self._tensors: dict[str, TensorInfo] = {}
        self._metadata: dict[str, str] = {}
        self._has_metadata = False
        self._kept = 0  # bytes of the metadata, and what it costs to hold them
        self._shapes: dict[bytes, tuple[int, ...]] = {}  # few differ, so each is kept once
        self._is_in_order = True  # the tensors' bytes lie in the order of the header
        self._end = 0  # of the last tensor's bytes

    def header(self) -> Header:
        at = self._object(8, self._entry, self._usual_entries)
        if self._bytes[at:].strip(b" \t\r\n"):
            raise self._no_json()
        if _METADATA in self._tensors:
            raise self._nonsense(_METADATA)
        self._check_all_covered()
        return Header(self._tensors, self._metadata, len(self._bytes))

    def _object(self, at: int, read: _Read, skip: Callable[[int], int] | None = None) -> int:
        """Read the object at ``at``, each of its values by ``read``; return where it ends.

        ``skip`` reads as many entries as it can, each with the comma after it.
        """
        begin = self._matched(_BEGIN, at)
        at = begin.end()
        if empty := _EMPTY.match(self._bytes, at):
            return empty.end()
        while True:
            if skip is not None:
                at = skip(at)
            key = self._matched(_KEY, at)
            after = self._matched(_NEXT, read(key, key.end()))
            at = after.end()
            if after[1] == b"}":
                return at

    def _usual_entries(self, at: int) -> int:
        """Read entries as the library writes them, quickly: there may be hundreds of thousands."""
        match, mapped, shapes, add = _USUAL.match, self._bytes, self._shapes, self._add
        try:
            while found := match(mapped, at):
                name, dtype, edges, begin, end = found.groups()
                shape = shapes.get(edges)
                if shape is None:
                    shape = shapes[edges] = self._shape(edges)
                add(name.decode(), TensorInfo(dtype.decode(), shape, int(begin), int(end)))
                at = found.end()
        except ValueError:
            raise self._no_json() from None
        return at

    def _entry(self, key: re.Match[bytes], at: int) -> int:
        if key.end(1) - key.start(1) > _LONGEST_NAME:
            raise _broken(self._path, Text("one of its tensors has a name that is far too long"))
        name = self._decoded(key[1])
        if name == _METADATA:
            if self._has_metadata:
                raise self._no_json()
            self._has_metadata = True
            return self._object(at, self._value)
        info, at = self._read_info(name, at)
        self._add(name, info)
        return at

    def _value(self, key: re.Match[bytes], at: int) -> int:
        """Read one value of the metadata, which are texts; return where it ends."""
        value = self._matched(_VALUE, at)
        named, length = key.end(1) - key.start(1), value.end(1) - value.start(1)
        kept = self._kept + named + length + _COST_OF_ENTRY
        if named <= _LONGEST_NAME and length <= _LONGEST_VALUE and kept <= _LONGEST_METADATA:
            self._kept = kept
            self._metadata[self._decoded(key[1])] = self._decoded(value[1])
        return value.end()

    def _read_info(self, name: str, at: int) -> tuple[TensorInfo, int]:
        """Return what is said of one tensor, in any order, and where that ends."""
        text = self._bytes[at : at + _LONGEST_ABOUT].decode("latin-1")
        try:
            info, length = json.JSONDecoder().raw_decode(text)
        except (ValueError, RecursionError):
            raise self._no_json() from None
        if isinstance(info, dict) and info.keys() == {"dtype", "shape", "data_offsets"}:
            dtype, shape = info["dtype"], _counts(info["shape"])
            offsets = _counts(info["data_offsets"])
            if isinstance(dtype, str) and shape is not None and offsets and len(offsets) == 2:
                return TensorInfo(dtype, shape, *offsets), at + length
        raise self._nonsense(name)

    def _add(self, name: str, info: TensorInfo) -> None:
        dtype, shape, begin, end = info
        bits = _BITS.get(dtype)
        if bits is None or begin > end:
            raise self._nonsense(name)
        if end > self._body:
            raise _broken(self._path, Text("the end of {name} is missing", name=printable(name)))
        if math.prod(shape) * bits != (end - begin) * 8 or name in self._tensors:
            raise self._nonsense(name)
        if begin != self._end:
            self._is_in_order = False
        self._end = end
        self._tensors[name] = info
        if len(self._tensors) > MAX_TENSORS:
            reason = Text("it holds more than {most:,} tensors", most=MAX_TENSORS)
            raise _broken(self._path, reason)

    def _check_all_covered(self) -> None:
        """Raise ModelError unless the tensors lie side by side and fill the file, as they must."""
        end = 0
        for info in sorted(self._tensors.values(), key=_place) if not self._is_in_order else ():
            if info.begin != end:
                raise _broken(self._path, Text("its tensors overlap or leave gaps"))
            end = info.end
        if (self._end if self._is_in_order else end) != self._body:
            raise _broken(self._path, Text("it is longer than its header says"))

    def _matched(self, pattern: re.Pattern[bytes], at: int) -> re.Match[bytes]:
        found = pattern.match(self._bytes, at)
        if found is None:
            raise self._no_json()
        return found

    def _shape(self, edges: bytes) -> tuple[int, ...]:
        """Return the shape that a text says. Raises ValueError."""
        shape = _counts(json.loads(b"[" + edges + b"]"))
        if shape is None:
            raise ValueError
        return shape

    def _decoded(self, text: bytes) -> str:
        try:
            if b"\\" not in text:
                return text.decode()
            decoded = str(json.loads(b'"' + text + b'"'))
            decoded.encode()  # half of a pair of surrogates is no character
        except ValueError:
            raise self._no_json() from None
        return decoded

    def _nonsense(self, name: str) -> ModelError:
        return _broken(
            self._path, Text("its header makes no sense for {name}", name=printable(name))
        )

    def _no_json(self) -> ModelError:
        return _broken(self._path, Text("its header isn't JSON"))


def _place(info: TensorInfo) -> tuple[int, int]:
    return info.begin, info.end


def _counts(values: Any) -> tuple[int, ...] | None:
    if isinstance(values, list) and all(
        type(value) is int and 0 <= value <= _MAX_NAMED_LENGTH for value in values
    ):
        return tuple(values)
    return None


def _broken(path: Path, reason: Text) -> ModelError:
    return ModelError(
        "{name} is cut off or isn't a safetensors file ({reason}); download it again.",
        name=path.name,
        reason=reason,
    )
