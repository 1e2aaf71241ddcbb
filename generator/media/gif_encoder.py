"""GIF (GIF89a): a palette for each frame, endless, its delays adding up to the duration asked for.

Where a clip has no more colours than a palette, one serves all frames and nothing is lost. Else
each frame's palette is spent on the pixels that it changes: whatever still looks right stays as the
frames before have left it, which keeps flat areas still and the file small. Pillow only does the
LZW; it would merge frames that are equal.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from generator.media.clip import Box, Clip, Frames, box_around
from generator.media.palette import ALIKE, Palette, nearest, palette_of

MOST_COLOURS = 256
_AS_GOOD = 1.25  # times the squared error, which is worth the bytes of a palette of one's own
_ENDLESS = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
_TRAILER = b"\x3b"
_KEEP_AFTER = 1 << 2
_HAS_TRANSPARENCY = 1

_Picture = npt.NDArray[np.uint8]  # RGB, (h, w, 3)
_Indices = npt.NDArray[np.uint8]  # (h, w), or (n,)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one frame adds: the indices inside a box. ``palette`` is None for the shared one.

    ``unchanged`` is the index that lets the frames before show through, None where there is none.
    """

    box: Box
    indices: _Indices
    palette: Palette | None
    unchanged: int | None


def encode(clip: Clip, *, colours: int = MOST_COLOURS, lossy: float = 0.0) -> bytes:
    """Return a GIF of every frame; one frame makes a still picture.

    ``colours`` of a palette, 2 to 256. With ``lossy``, a pixel takes its left neighbour's colour
    where that is worse by no more (a distance in RGB, of 0 to 255 each): longer runs, fewer bytes.
    """
    shared = palette_of(clip.frames.reshape(-1, 3), colours - 1)
    exact = not lossy and np.array_equal(shared[nearest(clip.frames, shared)], clip.frames)
    parts = _parts(clip.frames, shared, colours - 1, 0 if exact else ALIKE + lossy)
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


def _parts(frames: Frames, shared: Palette, most: int, miss: float) -> Iterator[_Part]:
    """Yield what each frame adds; ``miss`` is the distance in RGB that doesn't matter."""
    canvas: _Picture | None = None
    for frame in frames:
        stale = _stale(canvas, frame)
        palette = _choose_palette(frame[stale], shared, most)
        unchanged = len(palette)
        indices = np.full(stale.shape, unchanged, np.uint8)
        indices[stale] = nearest(frame[stale], palette)
        if canvas is not None:
            indices = _where_worth_it(frame, canvas, indices, palette, miss)
        indices = _in_runs(frame, indices, palette, miss - ALIKE)
        changed = indices != unchanged
        painted = palette[indices % unchanged]
        box = box_around(changed)
        part = box.crop(indices)
        if canvas is None:
            canvas = painted
        else:
            canvas = np.where(changed[..., None], painted, canvas)
            part = _cheapest(part, box.crop(canvas), palette)
        own = None if palette is shared else palette
        # The first frame has nothing under it that could show through.
        yield _Part(box, part, own, None if stale.all() and changed.all() else unchanged)


def _stale(canvas: _Picture | None, frame: _Picture) -> npt.NDArray[np.bool_]:
    """Return which pixels (h, w) don't look as they should."""
    if canvas is None:
        return np.ones(frame.shape[:2], np.bool_)
    different: npt.NDArray[np.bool_] = (canvas != frame).any(axis=-1)
    return different


def _cheapest(holes: _Indices, shown: _Picture, palette: Palette) -> _Indices:
    """Return the indices that pack better: runs of "unchanged", or the picture's own flat areas.

    ``shown`` is what is to be seen in the box in the end.
    """
    filled = nearest(shown, palette)
    if not np.array_equal(palette[filled], shown):
        return holes
    return min(holes, filled, key=lambda indices: len(_lzw(indices)))


def _choose_palette(pixels: _Picture, shared: Palette, most: int) -> Palette:
    """Return the palette of all frames, unless pixels (n, 3) deserve one of their own."""
    if not len(pixels) or (missed := _error(pixels, shared)) <= 1:
        return shared
    own = palette_of(pixels, most)
    return shared if missed <= _error(pixels, own) * _AS_GOOD + 1 else own


def _error(pixels: _Picture, palette: Palette) -> float:
    """Return the mean squared distance that a palette costs."""
    return float((_apart(palette[nearest(pixels, palette)], pixels) ** 2).mean())


def _where_worth_it(
    frame: _Picture, canvas: _Picture, indices: _Indices, palette: Palette, miss: float
) -> _Indices:
    """Return the indices of what becomes better by more than ``miss``; the rest is unchanged."""
    unchanged = len(palette)
    painted = palette[indices % unchanged]
    better = _apart(canvas, frame) > _apart(painted, frame) + miss
    return np.where(better & (indices != unchanged), indices, np.uint8(unchanged))


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


def _apart(some: _Picture, others: _Picture) -> npt.NDArray[np.float32]:
    """Return the distance in RGB of each of (..., 3) pixels."""
    difference = some.astype(np.float32) - others
    distance: npt.NDArray[np.float32] = np.sqrt((difference**2).sum(axis=-1))
    return distance


# -- how it is written -----------------------------------------------------------------------------


def _packed(part: _Part) -> bytes:
    """Return a picture's place, its palette where it has one, and its pixels."""
    box, bits = part.box, 0
    if part.palette is not None:
        bits = _bits(len(part.palette) + 1)
    flags = 0x80 | (bits - 1) if bits else 0
    head = struct.pack("<BHHHHB", 0x2C, box.left, box.top, box.width, box.height, flags)
    table = b"" if part.palette is None else _table(part.palette, bits)
    return head + table + _lzw(part.indices)


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
