"""One frame as JPEG: the first, since the format holds no more."""

from __future__ import annotations

import io

from PIL import Image

from generator.media.clip import Clip


def encode(clip: Clip, *, quality: int = 95) -> bytes:
    """Return a JPEG of the clip's first frame; ``quality`` is libjpeg's, 1 to 95.

    Full colour resolution: halved, as is usual, it would fray the edges of flat art.
    """
    file = io.BytesIO()
    Image.fromarray(clip.frames[0]).save(file, "JPEG", quality=quality, subsampling="4:4:4")
    return file.getvalue()
