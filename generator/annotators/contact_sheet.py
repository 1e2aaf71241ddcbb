"""What the ControlNet will see, as a file to look at before a GPU is kept busy with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from generator.media.clip import Clip, Frames
from generator.media.output import check_output
from generator.media.save import save

_STILLS = (".jpg", ".jpeg")
_COLUMNS = 4
_GAP = 4  # pixels between two pictures of a sheet
_GROUND = 128


def write_preview(frames: Frames, duration_ms: int, path: Path) -> None:
    """Write frames (f, h, w, 3) as an animation; for .jpg, which holds none, as a contact sheet.

    Raises MediaError, as ``save`` does.
    """
    check_output(path)
    still = path.suffix.lower() in _STILLS
    save(Clip(make_contact_sheet(frames)[None] if still else frames, duration_ms), path)


def make_contact_sheet(frames: Frames) -> Frames:
    """Return all frames side by side in rows of four, first at the top left: (height, width, 3)."""
    count, height, width, _ = frames.shape
    columns = min(count, _COLUMNS)
    rows = -(-count // columns)
    step_y, step_x = height + _GAP, width + _GAP
    sheet = np.full((rows * step_y + _GAP, columns * step_x + _GAP, 3), _GROUND, np.uint8)
    for index, frame in enumerate(frames):
        top, left = (index // columns) * step_y + _GAP, (index % columns) * step_x + _GAP
        sheet[top : top + height, left : left + width] = frame
    return sheet
