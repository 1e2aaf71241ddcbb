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
_SAMPLE_PIXELS = 1 << 18
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
    palette = _learn_palette(frames, _unpacked(colours), counts.astype(np.float32), most)
    nearest = np.zeros(1 << 24, dtype=np.uint8)
    nearest[colours] = _nearest(_unpacked(colours), palette)
    return Indexed(palette.astype(np.uint8), _steady(frames, nearest[packed], palette))


def _packed(frames: Frames) -> npt.NDArray[np.uint32]:
    red, green, blue = (frames[..., channel].astype(np.uint32) for channel in range(3))
    return red << np.uint32(16) | green << np.uint32(8) | blue


def _unpacked(colours: npt.NDArray[np.uint32]) -> _Colours:
    channels = [colours >> shift & 0xFF for shift in (16, 8, 0)]
    return np.stack(channels, axis=-1).astype(np.float32)


def _learn_palette(
    frames: Frames, colours: _Colours, counts: npt.NDArray[np.float32], most: int
) -> _Colours:
    """Weighted k-means from a median cut; entries that look alike become one."""
    colours, counts = _in_cells(colours, counts)
    palette = _median_cut(frames, most)
    for _ in range(_ROUNDS):
        owner = _nearest(colours, palette)
        weight = np.bincount(owner, counts, len(palette))
        sums = [np.bincount(owner, counts * channel, len(palette)) for channel in colours.T]
        used = weight > 0
        palette = (np.stack(sums, axis=-1)[used] / weight[used, None]).astype(np.float32)
    weight = np.bincount(_nearest(colours, palette), counts, len(palette))
    return np.round(_without_lookalikes(palette[np.argsort(-weight, kind="stable")]))


def _in_cells(
    colours: _Colours, counts: npt.NDArray[np.float32]
) -> tuple[_Colours, npt.NDArray[np.float32]]:
    """Far fewer colours to learn from, each the mean of its cell."""
    cells = _packed(colours.astype(np.uint8) >> np.uint8(_CELL_BITS))
    _, cell = np.unique(cells, return_inverse=True)
    weight = np.bincount(cell, counts)
    sums = [np.bincount(cell, counts * channel) for channel in colours.T]
    mean = np.stack(sums, axis=-1) / weight[:, None]
    return mean.astype(np.float32), weight.astype(np.float32)


def _median_cut(frames: Frames, most: int) -> _Colours:
    pixels = frames.reshape(-1, 3)
    sample = np.ascontiguousarray(pixels[:: max(1, len(pixels) // _SAMPLE_PIXELS)])[None]
    cut = Image.fromarray(sample).quantize(most, Image.Quantize.MEDIANCUT).getpalette() or []
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
