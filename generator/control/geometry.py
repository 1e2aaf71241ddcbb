"""Fitting a picture of any shape into the one asked for: scaled to fill, its middle kept.

To the pixel as the original does it, half pixels and all.
"""

from __future__ import annotations

from PIL import Image

Size = tuple[int, int]


def size_to_fill(old: Size, new: Size) -> Size:
    """The size of ``old`` (width, height) scaled so that it just covers ``new``."""
    by_width, by_height = new[0] / old[0], new[1] / old[1]
    if by_width > by_height:
        return new[0], round(old[1] * by_width)
    return round(old[0] * by_height), new[1]


def crop_box(old: Size, new: Size) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the middle, in pixels of the scaled picture."""
    width, height = size_to_fill(old, new)
    return (
        (width - new[0]) / 2,
        (height - new[1]) / 2,
        (width + new[0]) / 2,
        (height + new[1]) / 2,
    )


def scale_to_fill(picture: Image.Image, size: Size) -> Image.Image:
    """An RGB picture of just ``size``."""
    scaled = picture.resize(size_to_fill(picture.size, size), Image.Resampling.LANCZOS)
    # One corner alone is rounded, so that the size is right whatever the rounding does.
    left, top, _, _ = (round(edge) for edge in crop_box(picture.size, size))
    return scaled.crop((left, top, left + size[0], top + size[1]))
