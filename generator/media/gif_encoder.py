"""GIF (GIF89a): a palette for each frame, endless, its delays adding up to the duration asked for.

Where a clip has no more colours than a palette, one serves all frames and nothing is lost. Else
each frame's palette is spent on the pixels that it changes: whatever still looks right stays as the
frames before have left it, which keeps flat areas still and the file small. Pillow only does the
LZW; it would merge frames that are equal.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from generator.media.clip import Box, Clip, box_around
from generator.media.palette import (
    ALIKE,
    NearestEntries,
    Packed,
    Palette,
    exact_palette,
    learnt_palette,
    packed,
    palette_of,
    unpacked,
)

MOST_COLOURS = 256
_AS_GOOD = 1.25  # times the squared error, which is worth the bytes of a palette of one's own
_STEADY = 0.1  # of the error: a frame so like the last one gets no other palette either
_ENDLESS = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_TRAILER = b"\x3b"
_KEEP_AFTER = 1 << 2
_HAS_TRANSPARENCY = 1

_Picture = npt.NDArray[np.uint8]  # RGB, (h, w, 3)
_Indices = npt.NDArray[np.uint8]  # (h, w), or (n,)
_Distances = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Part:
    """What one frame adds: LZW data of the indices inside a box.

    ``palette`` is None for the shared one. ``unchanged`` is the index that lets the frames before
    show through, None where there is none.
    """

    box: Box
    data: bytes
    palette: Palette | None
    unchanged: int | None


def encode(clip: Clip, *, colours: int = MOST_COLOURS, lossy: float = 0.0) -> bytes:
    """Return a GIF of every frame; one frame makes a still picture.

    ``colours`` of a palette, 2 to 256. With ``lossy``, a pixel takes its left neighbour's colour
    where that is worse by no more (a distance in RGB, of 0 to 255 each): longer runs, fewer bytes.
    """
    exact = exact_palette(clip.frames, colours - 1)
    shared = learnt_palette(clip.frames, colours - 1) if exact is None else exact
    canvas = _Canvas(NearestEntries(shared), colours - 1)
    miss = 0 if exact is not None and not lossy else ALIKE + lossy
    parts = [canvas.paint(frame, miss) for frame in clip.frames]
    # Room for "unchanged" in every palette, so that one code size serves.
    bits = _bits(len(shared) + 1)
    screen = struct.pack("<HHBBB", clip.width, clip.height, 0xF0 | (bits - 1), 0, 0)
    data = [b"GIF89a", screen, _table(shared, bits)]
    if len(clip.frames) > 1:
        data.append(_ENDLESS)
    for part, delay in zip(parts, clip.delays(100), strict=True):
        data += [_graphic_control(delay, part.unchanged), _packed(part)]
    return b"".join([*data, _TRAILER])


# -- what each frame adds --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Match:
    """The entries that stand for some pixels, and each pixel's distance in RGB to its entry."""

    entries: NearestEntries
    indices: _Indices
    apart: _Distances

    @classmethod
    def of(cls, pixels: Packed, entries: NearestEntries) -> _Match:
        indices = entries.find(pixels)
        return cls(entries, indices, _apart(pixels, entries.packed.take(indices)))

    @property
    def error(self) -> float:
        """The mean squared distance."""
        return float(np.square(self.apart).sum(dtype=np.float64)) / max(1, len(self.apart))


class _Canvas:
    """What is to be seen after the frames so far, as a row of pixels.

    Frames share a palette, unless one deserves its own of at most ``most`` colours.
    """

    def __init__(self, shared: NearestEntries, most: int) -> None:
        self._shared, self._most = shared, most
        self._seen: Packed | None = None
        self._settled = 0.0  # the shared palette's error where another was last hardly better

    def paint(self, frame: _Picture, miss: float) -> _Part:
        """Return what a frame adds; ``miss`` is the distance in RGB that doesn't matter."""
        wanted, seen = packed(frame).ravel(), self._seen
        stale = np.arange(len(wanted)) if seen is None else np.flatnonzero(seen != wanted)
        pixels = wanted.take(stale)
        match = self._matched(pixels)
        entries, found = match.entries, match.indices
        if seen is not None:
            better = np.flatnonzero(_apart(seen.take(stale), pixels) > match.apart + miss)
            stale, found = stale.take(better), found.take(better)
        indices = np.full(frame.shape[:2], len(entries.palette), np.uint8)
        indices.put(stale, found)
        indices = _in_runs(frame, indices, entries.palette, miss - ALIKE)
        self._seen = np.zeros_like(wanted) if seen is None else seen
        self._seen[stale] = entries.packed.take(indices.take(stale))
        own = None if entries is self._shared else entries.palette
        # The first frame has nothing under it that could show through.
        unchanged = None if seen is None else len(entries.palette)
        box = box_around(indices != len(entries.palette))
        shown = box.crop(self._seen.reshape(indices.shape))
        return _Part(box, _smallest(box.crop(indices), shown, entries), own, unchanged)

    def _matched(self, pixels: Packed) -> _Match:
        """Return the entries for pixels: the shared ones, unless they deserve their own."""
        match = _Match.of(pixels, self._shared)
        # Learning is what costs time, and in a film one frame is much like the last.
        if match.error <= 1 or abs(match.error - self._settled) <= self._settled * _STEADY:
            return match
        own = _Match.of(pixels, NearestEntries(palette_of(unpacked(pixels), self._most)))
        if match.error > own.error * _AS_GOOD + 1:
            return own
        self._settled = match.error
        return match


def _smallest(holes: _Indices, shown: Packed, entries: NearestEntries) -> bytes:
    """Return LZW data of what packs better: runs of "unchanged", or the picture's own flat areas.

    ``shown`` is what is to be seen in the box in the end.
    """
    data, filled = _lzw(holes), entries.find(shown)
    if np.array_equal(filled, holes) or not np.array_equal(entries.packed.take(filled), shown):
        return data
    return min(data, _lzw(filled), key=len)


def _apart(some: Packed, others: Packed) -> _Distances:
    """Return the distance in RGB of each of two rows of colours."""
    # No product of matrices: NumPy's would keep all cores spinning for so little.
    some_levels, other_levels = some.view(np.uint8), others.view(np.uint8)
    squares = np.maximum(some_levels, other_levels) - np.minimum(some_levels, other_levels)
    squares = squares.reshape(-1, 4).astype(np.uint16)
    squares *= squares
    distance = squares[:, 0].astype(np.float32)
    for channel in (1, 2):
        distance += squares[:, channel]
    return np.sqrt(distance, out=distance)


def _in_runs(frame: _Picture, indices: _Indices, palette: Palette, lossy: float) -> _Indices:
    """Return indices where each is its left neighbour's if that is worse by at most ``lossy``."""
    if lossy <= 0:
        return indices
    unchanged = len(palette)
    runs, wanted = indices.copy(), frame.astype(np.float32)
    colours = palette.astype(np.float32)
    for column in range(1, runs.shape[1]):
        left, own = runs[:, column - 1], runs[:, column]
        both = (left != unchanged) & (own != unchanged)
        error_left, error_own = (
            np.linalg.norm(colours[index % unchanged] - wanted[:, column], axis=-1)
            for index in (left, own)
        )
        runs[:, column] = np.where(both & (error_left <= error_own + lossy), left, own)
    return runs


# -- how it is written -----------------------------------------------------------------------------


def _packed(part: _Part) -> bytes:
    """Return a picture's place, its palette where it has one, and its pixels."""
    box, bits = part.box, 0
    if part.palette is not None:
        bits = _bits(len(part.palette) + 1)
    flags = 0x80 | (bits - 1) if bits else 0
    head = struct.pack("<BHHHHB", 0x2C, box.left, box.top, box.width, box.height, flags)
    table = b"" if part.palette is None else _table(part.palette, bits)
    return head + table + part.data


def _bits(colours: int) -> int:
    """Return the size of a table for so many colours, as a power of two."""
    return max(1, (colours - 1).bit_length())


def _table(palette: Palette, bits: int) -> bytes:
    return palette.tobytes().ljust(3 * 2**bits, b"\0")


def _graphic_control(delay: int, transparent: int | None) -> bytes:
    flags = _KEEP_AFTER if transparent is None else _KEEP_AFTER | _HAS_TRANSPARENCY
    return struct.pack("<BBBBHBB", 0x21, 0xF9, 4, flags, delay, transparent or 0, 0)


def _lzw(indices: _Indices) -> bytes:
    """Return the LZW code size and blocks, which follow the picture's header in Pillow's GIF."""
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
