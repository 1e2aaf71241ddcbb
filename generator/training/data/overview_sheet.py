"""The contact sheet of a data set: a clip a row, so that a person sees what was cut."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from generator.training.data.samples import PROMPT_FILE, list_images

_CELL, _LABEL, _MOST = 96, 200, 200  # pixels, pixels, clips


def draw(directory: Path, names: Sequence[str]) -> Image.Image:
    """The first 200 clips of ``directory``, each with its name and caption."""
    rows = [_row(directory / name) for name in names[:_MOST]]
    sheet = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows)))
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet


def _row(folder: Path) -> Image.Image:
    files = list_images(folder)
    row = Image.new("RGB", (_LABEL + _CELL * len(files), _CELL + 4), "white")
    caption = (folder / PROMPT_FILE).read_text(encoding="utf-8").strip()
    text = "\n".join([folder.name[:30], *textwrap.wrap(caption, 30)[:5]])
    ImageDraw.Draw(row).multiline_text((6, 4), text, fill="black")
    for index, file in enumerate(files):
        with Image.open(file) as picture:
            picture.thumbnail((_CELL - 4, _CELL))
            row.paste(picture, (_LABEL + index * _CELL, 2))
    return row
