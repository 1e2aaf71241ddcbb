"""Few colours that stand for many, so that flat areas stay flat.

No dithering: on drawn art it is noise, and from frame to frame it flickers. Knows no file format.
Pixels are counted and looked up in tables, never compared one by one: a film has far fewer colours
than pixels, and most of a frame's were in the frame before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from generator.media.clip import Frames

Palette = npt.NDArray[np.uint8]
"""RGB colours, (n, 3)."""
Packed = npt.NDArray[np.uint32]
"""Colours as 0xRRGGBB: one number a pixel, which is compared and copied several times as fast."""
_Pixels = npt.NDArray[np.uint8]  # RGB, (..., 3)
_Colours = npt.NDArray[np.float32]
_Weights = npt.NDArray[np.float64]
_Sums = npt.NDArray[np.number]

ALIKE = 4.0  # closer than this in RGB, nobody tells two colours apart
_ROUNDS = 4  # of k-means; the error has settled by then
_CELL_BITS = 2  # colours equal but for these low bits are learnt from as one
_MOST_LEARNT = 8192  # cells; of more, larger ones are learnt from
_CHUNK = 1 << 8  # colours compared at once: distances stay in the cache, and on one core
_PIXELS_AT_ONCE = 1 << 18  # which bounds the memory that a long clip needs


class NearestEntries:
    """A palette, and a table of the entry nearest to each colour that was asked for so far."""

    def __init__(self, palette: Palette) -> None:
        self.palette = palette
        self.packed = packed(palette)
        self._entry_after = np.zeros(1 << 24, np.uint16)  # one more than the entry; 0: not yet

    def find(self, colours: Packed) -> npt.NDArray[np.uint8]:
        """Return the index of the entry that is nearest to each colour."""
        found = self._entry_after.take(colours)
        if not found.all():
            new = _distinct(colours[found == 0])
            self._entry_after[new] = _nearest(_levels(new), self.palette.astype(np.float32)) + 1
            found = self._entry_after.take(colours)
        return (found - 1).astype(np.uint8)


def exact_palette(pixels: _Pixels, most: int) -> Palette | None:
    """Return all the colours of pixels (..., 3), None where there are more than ``most``."""
    found = np.empty(0, np.uint32)
    for some in _parts(pixels):
        if np.count_nonzero(np.bincount(_cells(some, _CELL_BITS))) > most:
            return None
        found = _distinct(np.concatenate([found, packed(some)]))
        if len(found) > most:
            return None
    return np.ascontiguousarray(unpacked(found))


def learnt_palette(pixels: _Pixels, most: int) -> Palette:
    """Return at most ``most`` colours that stand for those of pixels (..., 3).

    k-means from a median cut; entries that look alike become one. A colour weighs the root of its
    pixels: a background doesn't take the entries that the edges and shades of what is in front of
    it need.
    """
    counts, colours = _colours_by_cell(pixels)
    palette, weights = _median_cut(colours, most), np.sqrt(counts)
    for _ in range(_ROUNDS):
        owners = _nearest(colours, palette)
        _, palette = _means(_sums(owners, colours, len(palette), weights))
    uses = np.bincount(_nearest(colours, palette), counts, len(palette))
    kept = _without_lookalikes(palette[np.argsort(-uses, kind="stable")])
    return np.round(kept).astype(np.uint8)


def palette_of(pixels: _Pixels, most: int) -> Palette:
    """Return at most ``most`` colours for pixels (..., 3): all there are, or else learnt ones."""
    exact = exact_palette(pixels, most)
    return learnt_palette(pixels, most) if exact is None else exact


def with_fewer_colours(frames: Frames, most: int) -> Frames:
    """Return the frames in at most ``most`` colours, the same ones for all of them."""
    entries = NearestEntries(palette_of(frames, most))
    return np.stack([entries.palette.take(entries.find(packed(one)), axis=0) for one in frames])


def packed(pixels: _Pixels) -> Packed:
    """Return RGB pixels (..., 3) as one number each, (...)."""
    padded = np.zeros((*pixels.shape[:-1], 4), np.uint8)
    for place, channel in enumerate((2, 1, 0)):
        padded[..., place] = pixels[..., channel]
    return padded.view("<u4")[..., 0]


def unpacked(colours: Packed) -> _Pixels:
    """Return the RGB pixels (..., 3) of colours (...), as a view of them."""
    return colours[..., None].view(np.uint8)[..., 2::-1]


# -- colours, counted ------------------------------------------------------------------------------


def _colours_by_cell(pixels: _Pixels) -> tuple[_Weights, _Colours]:
    """Return how many pixels each cell has that any is in, and their mean colour."""
    bits, sums = _CELL_BITS, np.zeros((4, _cell_count(_CELL_BITS)))
    for some in _parts(pixels):
        for total, more in zip(sums, _sums(_cells(some, bits), some, len(sums[0])), strict=True):
            np.add(total, more, out=total)
    counts, means = _means(sums)
    while len(counts) > _MOST_LEARNT:
        bits += 1
        cells = _cells(means.round().astype(np.uint8), bits)
        counts, means = _means(_sums(cells, means, _cell_count(bits), counts))
    return counts, means


def _parts(pixels: _Pixels) -> Iterator[_Pixels]:
    """Yield (..., 3) pixels as (n, 3), not too many at once."""
    flat = pixels.reshape(-1, 3)
    for start in range(0, len(flat), _PIXELS_AT_ONCE):
        yield flat[start : start + _PIXELS_AT_ONCE]


def _cells(pixels: _Pixels, bits: int) -> npt.NDArray[np.int32]:
    """Return the number of each pixel's cell; cells are 2 ** ``bits`` levels wide."""
    shifted = pixels >> np.uint8(bits)
    cells = shifted[:, 0].astype(np.int32)
    for channel in (1, 2):
        cells <<= 8 - bits
        cells += shifted[:, channel]
    return cells


def _cell_count(bits: int) -> int:
    return 1 << 3 * (8 - bits)


def _sums(
    groups: npt.NDArray[np.integer],
    colours: _Pixels | _Colours,
    count: int,
    weights: _Weights | None = None,
) -> Iterator[_Sums]:
    """Yield the weight of each group (count,), then its weighted sum of red, green and blue."""
    groups = groups.astype(np.intp)  # once, not in each count
    yield np.bincount(groups, weights, count)
    for channel in range(3):
        levels = colours[:, channel]
        yield np.bincount(groups, levels if weights is None else levels * weights, count)


def _means(sums: Iterable[_Sums]) -> tuple[_Weights, _Colours]:
    """Return the weight (n,) and the mean colour (n, 3) of the groups that have any weight.

    ``sums`` are the weight of all groups and their weighted red, green and blue.
    """
    weights, *channels = sums
    met = np.flatnonzero(weights)
    weight = weights[met].astype(np.float64)
    means = np.stack([channel[met] for channel in channels], axis=-1) / weight[:, None]
    return weight, means.astype(np.float32)


def _distinct(colours: Packed) -> Packed:
    """Return the colours in order, each once."""
    ordered = np.sort(colours, axis=None)
    is_first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    return np.asarray(ordered[is_first], np.uint32)


def _levels(colours: Packed) -> _Colours:
    return unpacked(colours).astype(np.float32)


# -- entries ---------------------------------------------------------------------------------------


def _median_cut(colours: _Colours, most: int) -> _Colours:
    row = Image.fromarray(colours.round().astype(np.uint8)[None])
    cut = row.quantize(most, Image.Quantize.MEDIANCUT).getpalette() or []
    return np.unique(np.array(cut, dtype=np.float32).reshape(-1, 3)[:most], axis=0)


def _without_lookalikes(palette: _Colours) -> _Colours:
    """Return the palette, most used first, without entries that look like an earlier one."""
    is_apart = np.linalg.norm(palette[:, None] - palette, axis=-1) >= ALIKE
    kept: list[int] = []
    for index, apart in enumerate(is_apart):
        if apart[kept].all():
            kept.append(index)
    return palette[kept]


def _nearest(colours: _Colours, palette: _Colours) -> npt.NDArray[np.intp]:
    """Return the index of the palette's nearest entry for each of (n, 3) colours."""
    # |c - p|^2 without |c|^2, which is the same for every p, as one product: (c, 1) . (-2p, |p|^2)
    extended = np.concatenate([colours, np.ones((len(colours), 1), np.float32)], axis=1)
    factors = np.concatenate([-2 * palette, (palette**2).sum(axis=1)[:, None]], axis=1).T
    distances = np.empty((_CHUNK, len(palette)), np.float32)
    nearest = np.empty(len(colours), np.intp)
    for start in range(0, len(colours), _CHUNK):
        some = extended[start : start + _CHUNK]
        part = np.matmul(some, factors, out=distances[: len(some)])
        part.argmin(axis=1, out=nearest[start : start + _CHUNK])
    return nearest
