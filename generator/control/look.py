"""What a clip begins from instead of noise alone: somebody's picture or clip, in the clip's size.

Knows requests, and no model.
"""

from __future__ import annotations

from pathlib import Path

from generator.control.source import read_look
from generator.media.clip import Frames
from generator.protocol import Request


def first_look(request: Request, image: Path) -> Frames | None:
    """Frames (1, h, w, 3) of a still picture, otherwise (f, h, w, 3); None where none is asked for.

    ``image`` is the file of ``request.image``. Raises MediaError.
    """
    if not request.image:
        return None
    return read_look(
        image,
        count=request.video_length,
        duration_ms=request.video_duration,
        width=request.width,
        height=request.height,
    )
