"""GIFs as browsers show them. Pillow unpacks the pixels of each picture; putting them on the canvas
is done here.

What Pillow does otherwise: what was never painted is transparent and never of the background's
colour, and a picture that hangs over the edge is cut off and doesn't enlarge the canvas (but for
the first).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from generator.media.clip import Frames
from generator.media.containers import BrokenFileError, gif_parts
from generator.sources.facts import Facts, displayed_ms
from generator.sources.pixels import PILLOW_ERRORS
from generator.sources.refusals import check_frames

_WHITE = 255  # what shows through a transparent source
_CLEAR, _RESTORE = 2, (3, 4)  # what becomes of a picture when its time is over
_INTERLACED, _OWN_TABLE = 0x40, 0x80


@dataclass(frozen=True, slots=True)
class _Picture:
    """One picture of the file. ``table`` holds RGB; ``transparent`` is an index, or None."""

    left: int
    top: int
    width: int
    height: int
    flags: int
    table: bytes
    lzw: bytes
    transparent: int | None
    disposal: int
    delay_ms: int


@dataclass(frozen=True, slots=True)
class Gif:
    """A GIF that can be read; made by ``open_gif``."""

    facts: Facts
    pictures: tuple[_Picture, ...]

    def frames(self, wanted: Sequence[int]) -> Iterator[Image.Image]:
        """Yield RGB pictures, one for each index of ``wanted``, which must rise.

        Raises BrokenFileError for pixels that can't be unpacked.
        """
        if not wanted:
            return
        canvas = np.full((self.facts.height, self.facts.width, 3), _WHITE, np.uint8)
        shown = set(wanted)
        for index in range(self._first_needed(wanted[0]), wanted[-1] + 1):
            picture = self.pictures[index]
            kept = canvas.copy() if picture.disposal in _RESTORE else canvas
            if index in shown or picture.disposal not in (_CLEAR, *_RESTORE):
                _paint(canvas, picture)
            if index in shown:
                yield Image.fromarray(canvas)
            if picture.disposal == _CLEAR:
                _region(canvas, picture)[:] = _WHITE
            canvas = kept

    def _first_needed(self, wanted: int) -> int:
        """Return the last frame up to ``wanted`` that paints over all that was before it."""
        for index in range(wanted, 0, -1):
            picture = self.pictures[index]
            whole = (0, 0, self.facts.width, self.facts.height)
            covers = (picture.left, picture.top, picture.width, picture.height) == whole
            if covers and picture.transparent is None and picture.disposal not in _RESTORE:
                return index
        return 0


def open_gif(path: Path) -> Gif:
    """Open a GIF: its pictures are found, and not decoded.

    Raises BrokenFileError where the file breaks off, MediaError for far too many frames.
    """
    pictures: list[_Picture] = []
    table, control, head = b"", (0, 0, 0), (0, 0, 0, 0, 0)
    width = height = 0
    for kind, data in gif_parts(path.read_bytes()):
        if kind == "screen":
            width, height = struct.unpack_from("<HH", data)
        elif kind == "colours":
            table = data
        elif kind == "control":
            control = struct.unpack("<BHB", data)
        elif kind == "picture":
            head = struct.unpack("<HHHHB", data)
        elif kind == "pixels":
            pictures.append(_picture(head, data, table, control))
            check_frames(len(pictures))
            control = (0, 0, 0)
    if not pictures:
        raise BrokenFileError("the file ends before its first picture")
    # As browsers do it: the first picture may enlarge the canvas, a later one is cut off.
    width = max(width, pictures[0].left + pictures[0].width)
    height = max(height, pictures[0].top + pictures[0].height)
    return Gif(Facts(width, height, tuple(each.delay_ms for each in pictures)), tuple(pictures))


def _picture(
    head: tuple[int, ...], data: bytes, shared: bytes, control: tuple[int, ...]
) -> _Picture:
    left, top, width, height, shape = head
    flags, delay, transparent = control
    own = 3 * 2 ** ((shape & 7) + 1) if shape & _OWN_TABLE else 0
    return _Picture(
        left,
        top,
        width,
        height,
        flags=shape,
        table=data[:own] or shared,
        lzw=data[own:],
        transparent=transparent if flags & 1 else None,
        disposal=flags >> 2 & 7,
        delay_ms=displayed_ms(10 * delay),
    )


def _paint(canvas: Frames, picture: _Picture) -> None:
    """Put a picture on the canvas (h, w, 3), in place."""
    region = _region(canvas, picture)
    if not region.size:
        return
    indices = _indices(picture)[: region.shape[0], : region.shape[1]]
    table = np.zeros((256, 3), np.uint8)
    colours = np.frombuffer(picture.table, np.uint8).reshape(-1, 3)
    table[: len(colours)] = colours
    if picture.transparent is None:
        region[:] = table[indices]
    else:
        opaque = indices != picture.transparent
        region[opaque] = table[indices[opaque]]


def _region(canvas: Frames, picture: _Picture) -> Frames:
    """Return the part of the canvas that a picture lies on, as a view."""
    rows = slice(picture.top, picture.top + picture.height)
    return canvas[rows, picture.left : picture.left + picture.width]


def _indices(picture: _Picture) -> Frames:
    """Return the index of each pixel (h, w), unpacked by Pillow from a GIF of this picture."""
    size = struct.pack("<HH", picture.width, picture.height)
    alone = b"".join([
        b"GIF89a" + size + b"\xf7\0\0" + bytes(range(256)) * 3,
        b"," + bytes(4) + size + bytes([picture.flags & _INTERLACED]),
        picture.lzw + b";",
    ])  # fmt: skip
    try:
        with Image.open(io.BytesIO(alone), formats=["GIF"]) as opened:
            return np.asarray(opened)
    except PILLOW_ERRORS as error:
        raise BrokenFileError(str(error)) from error
