"""GIFs and PNGs that are valid and odd, written byte by byte: no library writes such files."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from generator.media.clip import Frames
from generator.media.containers import PNG_SIGNATURE

Indices = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 64, 48
_COLOURS = bytes(
    [*(255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0), *(20, 30, 90, 0, 200, 200, 120, 120, 120)]
)


# -- GIF -------------------------------------------------------------------------------------------


def gif(
    *blocks: bytes,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    background: int = 0,
    colours: int | None = 256,
    end: bytes = b";",
) -> bytes:
    """A GIF of ``blocks`` as they are; ``colours`` of its shared table, None for no table."""
    flags = 0x70 if colours is None else 0xF0 | (colours.bit_length() - 2)
    table = b"" if colours is None else _COLOURS.ljust(768, b"\0")[: 3 * colours]
    screen = struct.pack("<HHBBB", *size, flags, background, 0)
    return b"GIF89a" + screen + table + b"".join(blocks) + end


def flat(colour: int, width: int = WIDTH, height: int = HEIGHT) -> Indices:
    """A picture of one colour of the table."""
    return np.full((height, width), colour, np.uint8)


def block(
    pixels: Indices,
    left: int = 0,
    top: int = 0,
    *,
    delay: int = 10,
    disposal: int = 0,
    transparent: int | None = None,
) -> bytes:
    """One picture of a GIF with its control block; ``delay`` in hundredths of a second."""
    flags = disposal << 2 | (transparent is not None)
    height, width = pixels.shape
    control = struct.pack("<BBBBHBB", 0x21, 0xF9, 4, flags, delay, transparent or 0, 0)
    head = struct.pack("<BHHHHB", 0x2C, left, top, width, height, 0)
    return control + head + _lzw(pixels)


def spot(colour: int, left: int, top: int, **options: int) -> bytes:
    """A small picture of one colour."""
    return block(flat(colour, 16, 20), left, top, **options)


def _lzw(pixels: Indices) -> bytes:
    picture = Image.fromarray(pixels).convert("P")
    picture.putpalette(bytes(range(256)) * 3)
    file = io.BytesIO()
    picture.save(file, "GIF", optimize=False, interlace=False)
    data = file.getvalue()
    return data[data.rindex(struct.pack("<HHB", *picture.size, 0)) + 5 : -1]


# -- PNG -------------------------------------------------------------------------------------------


def png(chunks: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A PNG of chunks as they are."""
    return PNG_SIGNATURE + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def picture_of_16_bits(levels: npt.NDArray[np.uint16], transparent: Sequence[int] = ()) -> bytes:
    """A PNG of 16 bits a channel, (h, w, channels): gray, gray and alpha, RGB or RGBA."""
    height, width, channels = levels.shape
    colour_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    told = struct.pack(f">{len(transparent)}H", *transparent)
    extra = [(b"tRNS", told)] if transparent else []
    return png([(b"IHDR", head), *extra, (b"IDAT", _packed(levels.astype(">u2"))), (b"IEND", b"")])


def apng(
    *frames: tuple[Frames, int, int, int, int, int, int],
    size: tuple[int, int] = (WIDTH, HEIGHT),
    cover: Frames | None = None,
) -> bytes:
    """An animated PNG of RGBA pictures: pixels, left, top, delay (part of a second), disposal,
    blending. ``cover`` is a picture outside the animation.
    """
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", *size, 8, 6, 0, 0, 0)),
        (b"acTL", struct.pack(">II", len(frames), 0)),
    ]
    if cover is not None:
        chunks.append((b"IDAT", _packed(cover)))
    number = 0
    for index, (pixels, left, top, part, per_second, disposal, blending) in enumerate(frames):
        place = (pixels.shape[1], pixels.shape[0], left, top)
        told = struct.pack(">IIIIIHHBB", number, *place, part, per_second, disposal, blending)
        chunks.append((b"fcTL", told))
        number += 1
        if index == 0 and cover is None:
            chunks.append((b"IDAT", _packed(pixels)))
        else:
            chunks.append((b"fdAT", struct.pack(">I", number) + _packed(pixels)))
            number += 1
    return png([*chunks, (b"IEND", b"")])


def glass(colour: tuple[int, int, int, int], width: int = WIDTH, height: int = HEIGHT) -> Frames:
    """RGBA pixels of one colour."""
    return np.broadcast_to(np.array(colour, np.uint8), (height, width, 4)).copy()


def _packed(pixels: npt.NDArray[np.generic]) -> bytes:
    return zlib.compress(b"".join(b"\0" + row.tobytes() for row in pixels))
