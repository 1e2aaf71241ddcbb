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

from PIL import Image

from generator.media.containers import BrokenFileError, gif_parts
from generator.sources.facts import Facts, displayed_ms
from generator.sources.pixels import PILLOW_ERRORS
from generator.sources.refusals import check_frames

_WHITE = (255, 255, 255)  # what shows through a transparent source
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
        canvas = Image.new("RGB", (self.facts.width, self.facts.height), _WHITE)
        shown = set(wanted)
        for index in range(self._first_needed(wanted[0]), wanted[-1] + 1):
            picture = self.pictures[index]
            kept = canvas.copy() if picture.disposal in _RESTORE else canvas
            if index in shown or picture.disposal not in (_CLEAR, *_RESTORE):
                _paint(canvas, picture)
            if index in shown:
                yield canvas.copy()
            if picture.disposal == _CLEAR:
                _clear(canvas, picture)
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


def _paint(canvas: Image.Image, picture: _Picture) -> None:
    """Put a picture on the canvas, in place; what hangs over its edge is cut off."""
    if not _is_on(canvas, picture):
        return
    indices = _indices(picture)
    opaque = None
    if picture.transparent is not None:
        opaque = Image.frombytes("L", indices.size, indices.tobytes()).point(
            [0 if index == picture.transparent else 255 for index in range(256)]
        )
    indices.putpalette(picture.table.ljust(3 * 256, b"\0"))
    canvas.paste(indices.convert("RGB"), (picture.left, picture.top), opaque)


def _clear(canvas: Image.Image, picture: _Picture) -> None:
    """Take away what lies where a picture is."""
    if _is_on(canvas, picture):
        right, bottom = picture.left + picture.width, picture.top + picture.height
        canvas.paste(_WHITE, (picture.left, picture.top, right, bottom))


def _is_on(canvas: Image.Image, picture: _Picture) -> bool:
    """Return whether any pixel of a picture lies on the canvas."""
    is_within = picture.left < canvas.width and picture.top < canvas.height
    return is_within and picture.width > 0 and picture.height > 0


def _indices(picture: _Picture) -> Image.Image:
    """Return the index of each pixel in mode "P", unpacked by Pillow from a GIF of this picture."""
    size = struct.pack("<HH", picture.width, picture.height)
    alone = b"".join([
        b"GIF89a" + size + b"\xf7\0\0" + bytes(range(256)) * 3,
        b"," + bytes(4) + size + bytes([picture.flags & _INTERLACED]),
        picture.lzw + b";",
    ])  # fmt: skip
    try:
        with Image.open(io.BytesIO(alone), formats=["GIF"]) as opened:
            return Image.frombytes("P", opened.size, opened.tobytes())
    except PILLOW_ERRORS as error:
        raise BrokenFileError(str(error)) from error
