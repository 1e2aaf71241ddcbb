"""Sources to read, good and hostile, written byte by byte where no library would write them."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image

from generator.media.clip import Frames

DOT = b"\x02\x02\x44\x01\x00"  # LZW of one pixel of colour 0


def numbered(count: int, width: int = 64, height: int = 48) -> Frames:
    """Frames that say which they are: flat, of the level 10 x index."""
    levels = (np.arange(count) * 10 % 256).astype(np.uint8)
    return np.broadcast_to(levels[:, None, None, None], (count, height, width, 3)).copy()


def numbers(frames: Frames) -> list[int]:
    """The inverse of ``numbered``, of up to 25 frames."""
    return [round(float(frame.mean()) / 10) for frame in frames]


def gif(frames: Frames, delays_ms: Sequence[int]) -> bytes:
    """By Pillow, each frame with its own delay."""
    pictures = [Image.fromarray(frame) for frame in frames]
    file = io.BytesIO()
    pictures[0].save(
        file, "GIF", save_all=True, append_images=pictures[1:], duration=list(delays_ms), loop=0
    )
    return file.getvalue()


def gif_of_dots(count: int, width: int, height: int) -> bytes:
    """A huge canvas whose every frame changes one pixel: a few bytes each."""
    screen = struct.pack("<HHBBB", width, height, 0xF0, 0, 0) + b"\0\0\0\xff\xff\xff"
    frame = struct.pack("<BHHHHB", 0x2C, 0, 0, 1, 1, 0) + DOT
    return b"GIF89a" + screen + frame * count + b"\x3b"


def gif_that_costs(count: int, edge: int) -> bytes:
    """Whole frames of one colour each: small to keep, slow to decode."""
    flat = [Image.new("P", (edge, edge), index % 2) for index in range(2)]
    for picture in flat:
        picture.putpalette(b"\0\0\0\xff\xff\xff")
    pair = io.BytesIO()
    flat[0].save(pair, "GIF", save_all=True, append_images=flat[1:], duration=20)
    data = pair.getvalue()
    first = data.index(b"\x21\xf9")
    second = data.index(b"\x21\xf9", first + 1)
    return data[:first] + data[first:-1] * (count // 2) + data[-1:] if second else data


def webp(frames: Frames, delays_ms: Sequence[int]) -> bytes:
    """By Pillow, lossless."""
    pictures = [Image.fromarray(frame) for frame in frames]
    file = io.BytesIO()
    pictures[0].save(
        file,
        "WEBP",
        save_all=True,
        append_images=pictures[1:],
        duration=list(delays_ms),
        lossless=True,
    )
    return file.getvalue()


def apng(frames: Frames, delays_ms: Sequence[int], *, cover: bool = False) -> bytes:
    """By Pillow; with a ``cover``, the first frame is a picture outside the animation."""
    pictures = [Image.fromarray(frame) for frame in frames]
    file = io.BytesIO()
    pictures[0].save(
        file,
        "PNG",
        save_all=True,
        append_images=pictures[1:],
        duration=list(delays_ms),
        default_image=cover,
    )
    return file.getvalue()
