"""Animated PNGs as browsers show them (PNG, third edition). Pillow unpacks the pixels of each
picture; putting them on the canvas is done here, since Pillow blends some of them otherwise.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from PIL import Image

from generator.media.containers import PNG_SIGNATURE, BrokenFileError, png_parts
from generator.sources.facts import Facts, displayed_ms
from generator.sources.icc_profiles import decompress_profile
from generator.sources.pixels import as_displayed, exif_orientation, upright, with_alpha
from generator.sources.refusals import check_frames

_CLEAR, _RESTORE = 1, 2  # what becomes of a picture when its time is over
_REPLACE = 0  # of what was there, rather than blended with it
_CLEAR_PIXEL = (0, 0, 0, 0)
_OF_PICTURES = ("fcTL", "IDAT", "fdAT")


@dataclass(frozen=True, slots=True)
class _Picture:
    """One picture of the file; ``data`` are its pieces of packed pixels."""

    width: int
    height: int
    left: int
    top: int
    delay_ms: int
    disposal: int
    blending: int
    data: list[bytes] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Apng:
    """An animated PNG that can be read; made by ``read_apng``. ``shared`` are chunks of each
    picture: its palette, and what of it is transparent. ``profile`` describes its colours (ICC).
    """

    size: tuple[int, int]
    depth: bytes
    shared: bytes
    orientation: int
    profile: bytes
    pictures: tuple[_Picture, ...]

    @property
    def facts(self) -> Facts:
        """The animation's size and delays as they are seen."""
        size = upright(self.size, self.orientation)
        return Facts(*size, tuple(picture.delay_ms for picture in self.pictures))

    def frames(self, wanted: Sequence[int]) -> Iterator[Image.Image]:
        """Yield RGB pictures, one for each index of ``wanted``, which must rise.

        Raises what Pillow raises for pixels that can't be unpacked.
        """
        if not wanted:
            return
        canvas = Image.new("RGBA", self.size, _CLEAR_PIXEL)
        canvas.info["icc_profile"] = self.profile
        shown, first = set(wanted), self._first_needed(wanted[0])
        for index in range(first, wanted[-1] + 1):
            picture = self.pictures[index]
            kept = canvas.copy() if picture.disposal == _RESTORE and index else canvas
            if index in shown or picture.disposal not in (_CLEAR, _RESTORE):
                self._paint(canvas, picture)
            if index in shown:
                yield as_displayed(canvas, self.orientation)
            if picture.disposal == _CLEAR or (picture.disposal == _RESTORE and not index):
                right, bottom = picture.left + picture.width, picture.top + picture.height
                canvas.paste(_CLEAR_PIXEL, (picture.left, picture.top, right, bottom))
            canvas = kept

    def _first_needed(self, wanted: int) -> int:
        """Return the last frame up to ``wanted`` that paints over all that was before it."""
        for index in range(wanted, 0, -1):
            picture = self.pictures[index]
            covers = (picture.left, picture.top, picture.width, picture.height) == (
                0,
                0,
                *self.size,
            )
            if covers and picture.blending == _REPLACE and picture.disposal != _RESTORE:
                return index
        return 0

    def _paint(self, canvas: Image.Image, picture: _Picture) -> None:
        head = struct.pack(">II", picture.width, picture.height) + self.depth
        pixels = [_chunk(b"IDAT", piece) for piece in picture.data]
        parts = [PNG_SIGNATURE, _chunk(b"IHDR", head), self.shared, *pixels, _chunk(b"IEND", b"")]
        with Image.open(io.BytesIO(b"".join(parts)), formats=["PNG"]) as opened:
            part = with_alpha(opened)
        corner = picture.left, picture.top
        if picture.blending == _REPLACE:
            canvas.paste(part, corner)
        else:
            canvas.alpha_composite(part, corner)


def read_apng(data: bytes) -> Apng | None:
    """Return the animation in a PNG; None where it is a still.

    Raises BrokenFileError where the file breaks off, MediaError for far too many frames.
    """
    others = {part.kind: part.data for part in png_parts(data) if part.kind not in _OF_PICTURES}
    if "acTL" not in others or not (pictures := _pictures(data)):
        return None
    size: tuple[int, int] = struct.unpack_from(">II", others["IHDR"])
    if any(_hangs_over(picture, size) for picture in pictures):
        raise BrokenFileError("a frame hangs over the edge")
    shared = [_chunk(kind.encode(), others[kind]) for kind in ("PLTE", "tRNS") if kind in others]
    orientation = exif_orientation(others.get("eXIf"))
    profile = decompress_profile(others.get("iCCP", b""))
    return Apng(size, others["IHDR"][8:], b"".join(shared), orientation, profile, tuple(pictures))


def _pictures(data: bytes) -> list[_Picture]:
    pictures: list[_Picture] = []
    for kind, content in png_parts(data):
        if kind == "fcTL":
            pictures.append(_picture(content))
            check_frames(len(pictures))
        elif kind in ("IDAT", "fdAT") and pictures:  # before, it is a picture for other programs
            pictures[-1].data.append(content[4 if kind == "fdAT" else 0 :])
    return pictures


def _picture(control: bytes) -> _Picture:
    width, height, left, top, part, per_second, disposal, blending = struct.unpack_from(
        ">IIIIHHBB", control, 4
    )
    delay = displayed_ms(1000 * part / (per_second or 100))
    return _Picture(width, height, left, top, delay, disposal, blending)


def _hangs_over(picture: _Picture, size: tuple[int, int]) -> bool:
    return picture.left + picture.width > size[0] or picture.top + picture.height > size[1]


def _chunk(kind: bytes, content: bytes) -> bytes:
    packed = kind + content
    return struct.pack(">I", len(content)) + packed + struct.pack(">I", zlib.crc32(packed))
