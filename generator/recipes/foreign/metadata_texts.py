"""The texts that programs leave in pictures, by name: PNG's chunks, EXIF of JPEG and WebP, a GIF's
comment. Standard library only; nothing is decoded but text, and none of it without bounds.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from generator.media.containers import (
    PAST_THE_END,
    BrokenFileError,
    gif_parts,
    jpeg_parts,
    png_parts,
    sniff,
    webp_parts,
)
from generator.recipes.foreign.exif import read_exif_texts

PARAMETERS = "parameters"  # as Automatic1111 calls its text where a format has names
_LONGEST = 8 << 20  # bytes of one text; a large workflow has one million
_MOST = 64  # texts of one file
_EXIF_HEAD = b"Exif\0\0"


def read_metadata_texts(data: bytes) -> dict[str, str]:
    """Return the first text of each name; empty for other formats. Raises BrokenFileError."""
    reader = {"png": _of_png, "jpeg": _of_jpeg, "webp": _of_webp, "gif": _of_gif}.get(
        sniff(data) or ""
    )
    found: dict[str, str] = {}
    try:
        for name, text in reader(data) if reader else ():
            found.setdefault(name, text)
            if len(found) >= _MOST:
                break
    except PAST_THE_END as error:
        raise BrokenFileError(str(error)) from error
    return found


def _of_png(data: bytes) -> Iterator[tuple[str, str]]:
    for part in png_parts(data):
        name, _, rest = part.data[:_LONGEST].partition(b"\0")
        keyword = name.decode("latin-1")
        if part.kind == "tEXt":
            yield keyword, _utf8_or_latin(rest)
        elif part.kind == "zTXt":
            yield keyword, _utf8_or_latin(_inflated(rest[1:]))
        elif part.kind == "iTXt" and len(rest) >= 2:
            text = rest[2:].split(b"\0", 2)[-1]
            packed = _inflated(text) if rest[0] else text
            yield keyword, packed.decode("utf-8", errors="replace")


def _of_jpeg(data: bytes) -> Iterator[tuple[str, str]]:
    for part in jpeg_parts(data):
        if part.kind == "e1" and part.data.startswith(_EXIF_HEAD):
            yield from read_exif_texts(part.data[len(_EXIF_HEAD) :])
        elif part.kind == "fe":
            yield PARAMETERS, _utf8_or_latin(part.data)


def _of_webp(data: bytes) -> Iterator[tuple[str, str]]:
    for part in webp_parts(data):
        if part.kind == "EXIF":
            yield from read_exif_texts(part.data.removeprefix(_EXIF_HEAD))


def _of_gif(data: bytes) -> Iterator[tuple[str, str]]:
    for part in gif_parts(data):
        if part.kind == "comment":
            yield PARAMETERS, _utf8_or_latin(part.data[:_LONGEST])


def _utf8_or_latin(text: bytes) -> str:
    """Return a text's letters: the standard says Latin-1, and most programs write UTF-8."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _inflated(packed: bytes) -> bytes:
    """Return at most ``_LONGEST`` bytes of it: a few kilobytes may hold gigabytes of zeros."""
    try:
        return zlib.decompressobj().decompress(packed, _LONGEST)
    except zlib.error:
        return b""
