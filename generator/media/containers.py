"""How GIF, PNG, WebP (RIFF), JPEG, AVIF and MP4 files are put together: parts, nothing decoded.

Standard library only, one pass each, so that a file's facts are known before anything heavy looks
at its pixels. Every walker raises BrokenFileError where a part reaches beyond the end of the data.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_JPEG_PICTURE_FOLLOWS = 0xDA
_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_HEIF_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"heif", b"mif1", b"msf1")
)
_QUICKTIME_BEFORE_BRANDS = (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
# How people name what can be read; what a file is, its bytes say.
STILL_SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".avif", ".heic", ".heif")
ANIMATION_SUFFIXES = (".gif", ".webp", ".apng", ".avif")
FILM_SUFFIXES = (".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".webm", ".mkv")
HEAD_BYTES = 256  # enough for ``sniff``


PAST_THE_END = (struct.error, IndexError)
"""What reading a number, or a byte, beyond the end of the data raises."""


class BrokenFileError(ValueError):
    """The data end in the middle of a part, or a part makes no sense."""


class Part(NamedTuple):
    """One piece of a file; ``kind`` in the format's own words."""

    kind: str
    data: bytes


def sniff(data: bytes) -> str | None:
    """Return the format that the first bytes say, of which ``HEAD_BYTES`` are enough.

    One of gif, png, webp, avif, heic, jpeg, bmp, mp4, webm; None for others. ``mp4`` is any of its
    family (QuickTime, 3GP), ``webm`` any Matroska, ``heic`` any HEIF that is no AVIF.
    """
    if data[:4] == b"RIFF":
        return "webp" if data[8:12] == b"WEBP" else None
    if data[4:8] == b"ftyp":
        return _sniff_brands(data)
    if data[4:8] in _QUICKTIME_BEFORE_BRANDS:
        return "mp4"
    for start, kind in (
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (PNG_SIGNATURE, "png"),
        (b"\xff\xd8\xff", "jpeg"),
        (b"BM", "bmp"),
        (b"\x1a\x45\xdf\xa3", "webm"),
    ):
        if data.startswith(start):
            return kind
    return None


def sniff_file(path: Path) -> str | None:
    """Return the format of a file; see ``sniff``."""
    return sniff(read_head(path))


def read_head(path: Path) -> bytes:
    """Return a file's first ``HEAD_BYTES``, or all where it has fewer."""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def _sniff_brands(data: bytes) -> str:
    """Return an ISO base media file's format, by its major brand or, where that is vague, any."""
    major, end = data[8:12], int.from_bytes(data[:4], "big")
    others = {data[start : start + 4] for start in range(16, min(end, len(data)), 4)}
    if major in _AVIF_BRANDS or (major in _HEIF_BRANDS and others & _AVIF_BRANDS):
        return "avif"
    return "heic" if major in _HEIF_BRANDS else "mp4"


def gif_parts(data: bytes) -> Iterator[Part]:
    """Yield the parts of a GIF, in the order of the file.

    They are ``screen`` (7 bytes) and ``colours`` (its table, which may be empty); then ``control``
    (4), ``comment`` (its text), and of each picture ``picture`` (9) and ``pixels`` (its own table,
    then LZW).

    A missing end mark is no error: many writers forget it, and every frame is there. Stray bytes,
    as some writers leave them behind, count as the end, as they do in browsers.
    """
    yield Part("screen", _cut(data, 6, 7))
    yield Part("colours", _cut(data, 13, _colour_table(data[10])))
    position = 13 + _colour_table(data[10])
    while position < len(data):
        mark = data[position]
        if mark == 0x2C:
            yield Part("picture", head := _cut(data, position + 1, 9))
            start = position + 10
            position = _after_blocks(data, start + _colour_table(head[8]) + 1)
            yield Part("pixels", data[start:position])
        elif mark == 0x21:
            label, start = _cut(data, position + 1, 1)[0], position + 2
            position = _after_blocks(data, start)
            if label == 0xF9:
                yield Part("control", _cut(data, start + 1, 4))
            elif label == 0xFE:
                yield Part("comment", _joined_blocks(data, start))
        else:
            return


def png_parts(data: bytes) -> Iterator[Part]:
    """Yield a PNG's chunks by their type, up to and with IEND."""
    position, kind = len(PNG_SIGNATURE), ""
    while kind != "IEND":
        length, name = struct.unpack(">I4s", _cut(data, position, 8))
        kind = name.decode("latin-1")
        yield Part(kind, _cut(data, position + 8, length))
        position += 12 + length


def webp_parts(data: bytes) -> Iterator[Part]:
    """Yield a WebP's chunks by their FourCC; inside an ANMF, its own chunks are left packed."""
    end = 8 + int.from_bytes(_cut(data, 4, 4), "little")
    if end > len(data):
        raise BrokenFileError("the file is shorter than it says")
    position = 12
    while position + 8 <= end:
        name, length = struct.unpack("<4sI", _cut(data, position, 8))
        yield Part(name.decode("latin-1"), _cut(data, position + 8, length))
        position += 8 + length + length % 2


def jpeg_parts(data: bytes) -> Iterator[Part]:
    """Yield a JPEG's segments before the picture's own data, by their marker in hexadecimal.

    ``fe`` is a comment.
    """
    position = 2
    while True:
        mark, kind = _cut(data, position, 2)
        if mark != 0xFF:
            raise BrokenFileError("a JPEG's segments begin with ff")
        if kind == _JPEG_PICTURE_FOLLOWS:
            return
        length = int.from_bytes(_cut(data, position + 2, 2), "big")
        yield Part(f"{kind:02x}", _cut(data, position + 4, max(0, length - 2)))
        position += 2 + max(2, length)


def mp4_parts(data: bytes) -> Iterator[Part]:
    """Yield the boxes in ``data``, which may itself be the inside of a box."""
    position = 0
    while position + 8 <= len(data):
        length, name = struct.unpack(">I4s", _cut(data, position, 8))
        head = 8
        if length == 1:  # too long for 32 bits
            length, head = int.from_bytes(_cut(data, position + 8, 8), "big"), 16
        if length == 0:
            length = len(data) - position
        if length < head:
            raise BrokenFileError("a box is shorter than its head")
        yield Part(name.decode("latin-1"), _cut(data, position + head, length - head))
        position += length


def _cut(data: bytes, start: int, length: int) -> bytes:
    part = data[start : start + length]
    if len(part) < length:
        raise BrokenFileError("the data end in the middle of a part")
    return part


def _colour_table(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _after_blocks(data: bytes, position: int) -> int:
    try:
        while data[position]:
            position += 1 + data[position]
    except IndexError:
        raise BrokenFileError("the data end in the middle of a picture") from None
    return position + 1


def _joined_blocks(data: bytes, position: int) -> bytes:
    blocks = []
    while length := data[position]:
        blocks.append(data[position + 1 : position + 1 + length])
        position += 1 + length
    return b"".join(blocks)
