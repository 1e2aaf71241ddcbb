"""The few texts of an EXIF block that image generators use. Standard library only.

Automatic1111 writes its parameters as UserComment; ComfyUI's WebP has ``prompt:{...}`` and
``workflow:{...}`` in tags that are meant for the camera's model and maker.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_USER_COMMENT, _EXIF_FOLDER, _DESCRIPTION = 0x9286, 0x8769, 0x010E
_MAKER, _MODEL = 0x010F, 0x0110
_TEXT, _LONG, _UNDEFINED = 2, 4, 7
_MOST_ENTRIES = 200
_POINTER = 4  # bytes
_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_NAMED = ("prompt", "workflow")


def read_exif_texts(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield texts by name, as PNG's chunks would call them. A broken block has none."""
    order = _ORDERS.get(data[:4])
    if order is None:
        return
    try:
        (first,) = struct.unpack_from(f"{order}I", data, 4)
        yield from _of_folder(data, order, first)
    except struct.error:
        return


def _of_folder(data: bytes, order: str, start: int) -> Iterator[tuple[str, str]]:
    for tag, value in _entries(data, order, start):
        if tag == _EXIF_FOLDER and len(value) == _POINTER:
            # One level: no folder in this one is followed, so none can lead in a circle.
            (inner,) = struct.unpack(f"{order}I", value)
            for inner_tag, comment in _entries(data, order, inner):
                if inner_tag == _USER_COMMENT:
                    yield "parameters", _comment(comment)
        elif tag in (_MAKER, _MODEL, _DESCRIPTION):
            text = value.rstrip(b"\0").decode("utf-8", errors="replace")
            name, colon, rest = text.partition(":")
            if colon and name.lower() in _NAMED:
                yield name.lower(), rest
            elif tag == _DESCRIPTION:
                yield "parameters", text


def _entries(data: bytes, order: str, start: int) -> Iterator[tuple[int, bytes]]:
    """Yield tags with their bytes, of those types that hold texts or where a folder is."""
    (count,) = struct.unpack_from(f"{order}H", data, start)
    for index in range(min(count, _MOST_ENTRIES)):
        position = start + 2 + 12 * index
        tag, kind, length = struct.unpack_from(f"{order}HHI", data, position)
        if kind == _LONG and length == 1:
            yield tag, data[position + 8 : position + 12]
        elif kind in (_TEXT, _UNDEFINED, 1):
            begin = position + 8
            if length > 4:
                (begin,) = struct.unpack_from(f"{order}I", data, begin)
            yield tag, data[begin : begin + length]


def _comment(value: bytes) -> str:
    """Return a UserComment, whose first eight bytes name its letters."""
    kind, text = value[:8], value[8:]
    if kind.startswith(b"UNICODE"):
        # Big endian by piexif, which Automatic1111 uses, whatever the block's own order is.
        big = text.decode("utf-16-be", errors="replace")
        little = text.decode("utf-16-le", errors="replace")
        plain = [sum(letter.isascii() for letter in one) for one in (big, little)]
        return (big if plain[0] >= plain[1] else little).rstrip("\0")
    if kind.startswith((b"ASCII", b"\0\0\0\0")):
        value = text
    return value.rstrip(b"\0").decode("utf-8", errors="replace")
