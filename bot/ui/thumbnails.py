"""Draws the picture of a history page: each result's first frame, numbered by its place.

The results are this bot's own files, so pictures are opened here, and films by ffmpeg. Blocking:
call it in a thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

_EDGE = 128
_GAP = 4
_GROUND = (47, 49, 54)


def thumbnail_strip(results: Sequence[Path | None]) -> bytes:
    """Return a PNG with a tile for each result; None is a result that is gone."""
    from PIL import Image, ImageDraw  # the bot's start needn't wait for it

    width = len(results) * (_EDGE + _GAP) + _GAP
    sheet = Image.new("RGB", (width, _EDGE + 2 * _GAP), _GROUND)
    draw = ImageDraw.Draw(sheet)
    for index, result in enumerate(results):
        left = index * (_EDGE + _GAP) + _GAP
        tile = _first_frame(result)
        if tile is not None:
            sheet.paste(tile, (left + (_EDGE - tile.width) // 2, _GAP + (_EDGE - tile.height) // 2))
        draw.text(
            (left + 4, _GAP + 2), str(index + 1), "white", stroke_width=2, stroke_fill="black"
        )
    made = BytesIO()
    sheet.save(made, "PNG")
    return made.getvalue()


def _first_frame(result: Path | None) -> Image.Image | None:
    """Return a result's first frame as a tile; None where it can't be read any more."""
    from generator.media.containers import BrokenFileError

    if result is None:
        return None
    try:
        frame = _of_film(result) if result.suffix == ".mp4" else _of_picture(result)
    except (OSError, BrokenFileError):
        return None
    frame.thumbnail((_EDGE, _EDGE))
    return frame


def _of_picture(result: Path) -> Image.Image:
    from PIL import Image

    with Image.open(result, formats=["GIF", "WEBP", "PNG"]) as picture:
        return picture.convert("RGB")


def _of_film(result: Path) -> Image.Image:
    from generator.sources import film_decoder

    [frame] = film_decoder.open_film(result, "mp4").frames([0])
    return frame
