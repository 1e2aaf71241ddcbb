"""Fitting a picture of any shape into the one asked for: scaled to fill, its middle kept.

To the pixel as the original does it, half pixels and all.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Crop:
    """Which part of a picture is kept, once it is ``zoom`` times as large as would cover it.

    ``across`` and ``down`` are from 0 (left, top) to 1.
    """

    zoom: float = 1.0
    across: float = 0.5
    down: float = 0.5


MIDDLE = Crop()


def size_to_fill(old: Size, new: Size) -> Size:
    """Return the size of ``old`` (width, height) scaled so that it just covers ``new``."""
    by_width, by_height = new[0] / old[0], new[1] / old[1]
    if by_width > by_height:
        return new[0], round(old[1] * by_width)
    return round(old[0] * by_height), new[1]


def size_within(old: Size, edge: int) -> Size:
    """Return the size of ``old`` scaled down until no edge is longer than ``edge``."""
    shrink = min(1.0, edge / max(old))
    return max(1, round(old[0] * shrink)), max(1, round(old[1] * shrink))


def crop_box(old: Size, new: Size, crop: Crop = MIDDLE) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of what is kept, in pixels of the scaled picture."""
    width, height = _scaled(old, new, crop)
    left, top = (width - new[0]) * crop.across, (height - new[1]) * crop.down
    return left, top, left + new[0], top + new[1]


def scale_to_fill(picture: Image.Image, size: Size, crop: Crop = MIDDLE) -> Image.Image:
    """Return an RGB picture of just ``size``, scaled to cover it and cropped."""
    scaled = picture.resize(_scaled(picture.size, size, crop), Image.Resampling.LANCZOS)
    # One corner alone is rounded, so that the size is right whatever the rounding does.
    left, top, _, _ = (round(edge) for edge in crop_box(picture.size, size, crop))
    return scaled.crop((left, top, left + size[0], top + size[1]))


def _scaled(old: Size, new: Size, crop: Crop) -> Size:
    return size_to_fill(old, (round(new[0] * crop.zoom), round(new[1] * crop.zoom)))
