"""GIF (GIF89a): one palette for the clip, endless, its delays adding up to the duration asked for.

Pillow only does the LZW; this module writes the file around it, because Pillow merges frames that
are equal and picks a palette anew for every frame.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from generator.media.clip import Box, Clip, box_around
from generator.media.palette import index_colours

_MOST_COLOURS = 255  # the 256th entry says "as it was before"
_ENDLESS = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_TRAILER = b"\x3b"
_KEEP_AFTER = 1 << 2
_HAS_TRANSPARENCY = 1


def encode(clip: Clip) -> bytes:
    """A GIF of every frame; one frame makes a still picture."""
    indexed = index_colours(clip.frames, _MOST_COLOURS)
    bits = max(1, len(indexed.palette).bit_length())  # room for the palette and "as before"
    unchanged = len(indexed.palette)
    table = indexed.palette.tobytes().ljust(3 * 2**bits, b"\0")
    screen = struct.pack("<HHBBB", clip.width, clip.height, 0xF0 | (bits - 1), 0, 0)
    delays = clip.delays(100)
    parts = [b"GIF89a", screen, table]
    if len(clip.frames) > 1:
        parts.append(_ENDLESS)
    pictures = _pictures(indexed.indices, unchanged)
    for index, ((box, picture), delay) in enumerate(zip(pictures, delays, strict=True)):
        # The first frame has nothing under it that could show through.
        control = _graphic_control(delay, unchanged if index else None)
        parts += [control, _picture_block(box), picture]
    return b"".join([*parts, _TRAILER])


def _pictures(indices: npt.NDArray[np.uint8], unchanged: int) -> Iterator[tuple[Box, bytes]]:
    """For each frame the box that it changes and its packed pixels."""
    frames, height, width = indices.shape
    yield Box(0, 0, width, height), _pack(indices[0])
    for index in range(1, frames):
        before, after = indices[index - 1], indices[index]
        changed = before != after
        box = box_around(changed)
        holes = np.where(changed, after, np.uint8(unchanged))
        # Which packs better depends on the picture: runs of "unchanged", or its own flat areas.
        yield box, min(_pack(box.cut(holes)), _pack(box.cut(after)), key=len)


def _graphic_control(delay: int, transparent: int | None) -> bytes:
    flags = _KEEP_AFTER if transparent is None else _KEEP_AFTER | _HAS_TRANSPARENCY
    return struct.pack("<BBBBHBB", 0x21, 0xF9, 4, flags, delay, transparent or 0, 0)


def _picture_block(box: Box) -> bytes:
    return struct.pack("<BHHHHB", 0x2C, box.left, box.top, box.width, box.height, 0)


def _pack(indices: npt.NDArray[np.uint8]) -> bytes:
    """LZW code size and blocks: what follows the only picture's header in a GIF by Pillow."""
    file = io.BytesIO()
    Image.fromarray(indices).save(file, "GIF", optimize=False, interlace=False)
    gif = file.getvalue()
    position = 13 + 3 * 2 ** ((gif[10] & 7) + 1)  # header, screen and its colour table
    while gif[position] == 0x21:
        position = _after_blocks(gif, position + 2)
    return gif[position + 10 : -len(_TRAILER)]


def _after_blocks(gif: bytes, position: int) -> int:
    while gif[position]:
        position += 1 + gif[position]
    return position + 1
