"""Few colours that stand for many, so that flat areas stay flat.

No dithering: on drawn art it is noise, and from frame to frame it flickers. Knows no file format.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from generator.media.clip import Frames

Palette = npt.NDArray[np.uint8]
"""RGB colours, (n, 3)."""
_Colours = npt.NDArray[np.float32]

ALIKE = 4.0  # closer than this in RGB, nobody tells two colours apart
_ROUNDS = 4  # of k-means; the error has settled by then
_CELL_BITS = 2  # colours equal but for these low bits may be taken as one
_MOST_EXACT = 4096  # of more colours than this, only cells are compared
_MOST_LEARNT = 8192  # cells; of more, larger ones are learnt from
_CHUNK = 1 << 12  # distances at once, so that they stay in the processor's cache


def palette_of(pixels: npt.NDArray[np.uint8], most: int) -> Palette:
    """Return at most ``most`` colours for pixels (n, 3): exact where they suffice, else learnt.

    k-means from a median cut; entries that look alike become one. A colour weighs the root of its
    pixels: a background doesn't take the entries that the edges and shades of what is in front of
    it need.
    """
    packed, pixel_counts = np.unique(_packed(pixels), return_counts=True)
    colours = _unpacked(packed)
    if len(colours) <= most:
        return colours.astype(np.uint8)
    colours, counts = _in_cells(colours, pixel_counts.astype(np.float32))
    palette = _median_cut(colours, most)
    for _ in range(_ROUNDS):
        _, owner = np.unique(_nearest(colours, palette), return_inverse=True)
        palette = _means(colours, np.sqrt(counts), owner)
    used = np.bincount(_nearest(colours, palette), counts, len(palette))
    kept = _without_lookalikes(palette[np.argsort(-used, kind="stable")])
    return np.round(kept).astype(np.uint8)


def nearest(pixels: npt.NDArray[np.uint8], palette: Palette) -> npt.NDArray[np.uint8]:
    """Return for each of (..., 3) pixels the index (...) of the palette's nearest entry."""
    if not pixels.size:
        return np.zeros(pixels.shape[:-1], np.uint8)
    packed, owner = np.unique(_packed(pixels), return_inverse=True)
    colours = _unpacked(packed)
    if len(colours) > _MOST_EXACT:
        cells, cell = np.unique(_packed(_cells(colours, _CELL_BITS)), return_inverse=True)
        colours = _unpacked(cells) * 2**_CELL_BITS + (2**_CELL_BITS - 1) / 2
        owner = cell[owner]
    indices = _nearest(colours, palette.astype(np.float32)).astype(np.uint8)
    return indices[owner].reshape(pixels.shape[:-1])


def with_fewer_colours(frames: Frames, most: int) -> Frames:
    """Return the frames in at most ``most`` colours, the same ones for all of them."""
    palette = palette_of(frames.reshape(-1, 3), most)
    return palette[nearest(frames, palette)]


def _packed(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    red, green, blue = (pixels[..., channel].astype(np.uint32) for channel in range(3))
    return red << np.uint32(16) | green << np.uint32(8) | blue


def _unpacked(colours: npt.NDArray[np.uint32]) -> _Colours:
    channels = [colours >> shift & 0xFF for shift in (16, 8, 0)]
    return np.stack(channels, axis=-1).astype(np.float32)


def _in_cells(
    colours: _Colours, counts: npt.NDArray[np.float32]
) -> tuple[_Colours, npt.NDArray[np.float32]]:
    """Return far fewer colours to learn from, each the mean of its cell, and how often each is."""
    for bits in (_CELL_BITS, _CELL_BITS + 1):
        found, cell = np.unique(_packed(_cells(colours, bits)), return_inverse=True)
        if len(found) <= _MOST_LEARNT:
            break
    return _means(colours, counts, cell), np.bincount(cell, counts).astype(np.float32)


def _cells(colours: _Colours, bits: int) -> npt.NDArray[np.uint8]:
    """Return colours without their low bits, shifted down."""
    return colours.astype(np.uint8) >> np.uint8(bits)


def _means(
    colours: _Colours, weights: npt.NDArray[np.float32], group: npt.NDArray[np.intp]
) -> _Colours:
    """Return the weighted mean colour (groups, 3) of each group, numbered without gaps."""
    sums = [np.bincount(group, weights * channel) for channel in colours.T]
    mean = np.stack(sums, axis=-1) / np.bincount(group, weights)[:, None]
    return mean.astype(np.float32)


def _median_cut(colours: _Colours, most: int) -> _Colours:
    row = Image.fromarray(colours.round().astype(np.uint8)[None])
    cut = row.quantize(most, Image.Quantize.MEDIANCUT).getpalette() or []
    return np.unique(np.array(cut, dtype=np.float32).reshape(-1, 3)[:most], axis=0)


def _without_lookalikes(palette: _Colours) -> _Colours:
    """Return the palette, most used first, without entries that look like an earlier one."""
    kept = palette[:1]
    for colour in palette[1:]:
        if np.linalg.norm(kept - colour, axis=-1).min() >= ALIKE:
            kept = np.concatenate([kept, colour[None]])
    return kept


def _nearest(colours: _Colours, palette: _Colours) -> npt.NDArray[np.intp]:
    """Return the index of the palette's nearest entry for each of (n, 3) colours."""
    squares = (palette**2).sum(axis=1)
    parts = [
        # |c - p|^2 without |c|^2, which is the same for every p
        np.argmin(squares - 2 * colours[start : start + _CHUNK] @ palette.T, axis=1)
        for start in range(0, len(colours), _CHUNK)
    ]
    return np.concatenate(parts)
