"""At most 256 colours for a whole clip, chosen once, so that flat areas stay flat and still.

No dithering: on drawn art it is noise, and from frame to frame it flickers. Knows no file format.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from generator.media.clip import Frames

_Colours = npt.NDArray[np.float32]

_ROUNDS = 8  # of k-means; the error has settled by then
_CELL_BITS = 2  # colours equal but for these low bits are learnt from as one
_ALIKE = 4.0  # closer than this in RGB, nobody tells two colours apart
_CHUNK = 1 << 15


@dataclass(frozen=True, slots=True)
class Indexed:
    """A clip in few colours: uint8 ``palette`` (n, 3) and ``indices`` (frames, height, width)."""

    palette: npt.NDArray[np.uint8]
    indices: npt.NDArray[np.uint8]


def index_colours(frames: Frames, most: int) -> Indexed:
    """Exact where ``most`` colours are enough; else the nearest of a palette learnt for the clip.

    A pixel then keeps the colour it has until another one is nearer by more than can be seen.
    """
    packed = _packed(frames)
    colours, counts = np.unique(packed, return_counts=True)
    if len(colours) <= most:
        return Indexed(
            _unpacked(colours).astype(np.uint8), np.searchsorted(colours, packed).astype(np.uint8)
        )
    palette = _learn_palette(_unpacked(colours), counts.astype(np.float32), most)
    nearest = np.zeros(1 << 24, dtype=np.uint8)
    nearest[colours] = _nearest(_unpacked(colours), palette)
    return Indexed(palette.astype(np.uint8), _steady(frames, nearest[packed], palette))


def _packed(frames: Frames) -> npt.NDArray[np.uint32]:
    red, green, blue = (frames[..., channel].astype(np.uint32) for channel in range(3))
    return red << np.uint32(16) | green << np.uint32(8) | blue


def _unpacked(colours: npt.NDArray[np.uint32]) -> _Colours:
    channels = [colours >> shift & 0xFF for shift in (16, 8, 0)]
    return np.stack(channels, axis=-1).astype(np.float32)


def _learn_palette(colours: _Colours, counts: npt.NDArray[np.float32], most: int) -> _Colours:
    """k-means from a median cut; entries that look alike become one.

    A colour weighs the root of its pixels: a background doesn't take the entries that the edges
    and shades of what is in front of it need.
    """
    colours, counts = _in_cells(colours, counts)
    palette = _median_cut(colours, most)
    for _ in range(_ROUNDS):
        _, owner = np.unique(_nearest(colours, palette), return_inverse=True)
        palette = _means(colours, np.sqrt(counts), owner)
    pixels = np.bincount(_nearest(colours, palette), counts, len(palette))
    return np.round(_without_lookalikes(palette[np.argsort(-pixels, kind="stable")]))


def _in_cells(
    colours: _Colours, counts: npt.NDArray[np.float32]
) -> tuple[_Colours, npt.NDArray[np.float32]]:
    """Far fewer colours to learn from, each the mean of its cell."""
    cells = _packed(colours.astype(np.uint8) >> np.uint8(_CELL_BITS))
    _, cell = np.unique(cells, return_inverse=True)
    return _means(colours, counts, cell), np.bincount(cell, counts).astype(np.float32)


def _means(
    colours: _Colours, weights: npt.NDArray[np.float32], group: npt.NDArray[np.intp]
) -> _Colours:
    """The weighted mean colour (groups, 3) of each group, numbered without gaps."""
    sums = [np.bincount(group, weights * channel) for channel in colours.T]
    mean = np.stack(sums, axis=-1) / np.bincount(group, weights)[:, None]
    return mean.astype(np.float32)


def _median_cut(colours: _Colours, most: int) -> _Colours:
    row = Image.fromarray(colours.round().astype(np.uint8)[None])
    cut = row.quantize(most, Image.Quantize.MEDIANCUT).getpalette() or []
    return np.unique(np.array(cut, dtype=np.float32).reshape(-1, 3)[:most], axis=0)


def _without_lookalikes(palette: _Colours) -> _Colours:
    """The palette, most used first, without entries that look like an earlier one."""
    kept = palette[:1]
    for colour in palette[1:]:
        if np.linalg.norm(kept - colour, axis=-1).min() >= _ALIKE:
            kept = np.concatenate([kept, colour[None]])
    return kept


def _nearest(colours: _Colours, palette: _Colours) -> npt.NDArray[np.intp]:
    """The index of the palette's nearest entry for each of (n, 3) colours."""
    squares = (palette**2).sum(axis=1)
    parts = [
        # |c - p|^2 without |c|^2, which is the same for every p
        np.argmin(squares - 2 * colours[start : start + _CHUNK] @ palette.T, axis=1)
        for start in range(0, len(colours), _CHUNK)
    ]
    return np.concatenate(parts)


def _steady(
    frames: Frames, nearest: npt.NDArray[np.uint8], palette: _Colours
) -> npt.NDArray[np.uint8]:
    """``nearest`` (f, h, w), but a pixel keeps its last entry while that looks as good."""
    steady = nearest.copy()
    for index in range(1, len(frames)):
        wanted = frames[index].astype(np.float32)
        error_kept = np.linalg.norm(palette[steady[index - 1]] - wanted, axis=-1)
        error_best = np.linalg.norm(palette[nearest[index]] - wanted, axis=-1)
        keep = error_kept <= error_best + _ALIKE
        steady[index] = np.where(keep, steady[index - 1], nearest[index])
    return steady
