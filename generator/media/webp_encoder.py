"""WebP, lossless unless told otherwise, animated where there are several frames.

The container is RIFF (RFC 9649). Pillow packs each picture, this module only strings them together:
libwebp's own animation encoder drops frames that are equal.
"""

from __future__ import annotations

import io
import struct

import numpy as np
import numpy.typing as npt
from PIL import Image

from generator.media.clip import Box, Clip, changed_boxes

_HAS_ANIMATION = 0b10
_REPLACE_PIXELS = 0b10  # instead of blending them
_GRID = 2  # a frame's corner is stored halved


def encode(clip: Clip, *, quality: int | None = None) -> bytes:
    """Return a WebP of the one frame, or an endless animation of all of them.

    ``quality`` is libwebp's for lossy pictures, 0 to 100; None loses nothing.
    """
    if len(clip.frames) == 1:
        return _pack(clip.frames[0], quality)
    boxes = changed_boxes(clip.frames, _GRID)
    frames = [
        _chunk(b"ANMF", _frame_header(box, delay) + _picture_chunk(_pack(box.crop(frame), quality)))
        for frame, box, delay in zip(clip.frames, boxes, clip.delays(1000), strict=True)
    ]
    canvas = struct.pack("<I", _HAS_ANIMATION) + _uint24(clip.width - 1) + _uint24(clip.height - 1)
    background, endless = 0, 0
    head = [_chunk(b"VP8X", canvas), _chunk(b"ANIM", struct.pack("<IH", background, endless))]
    return _chunk(b"RIFF", b"WEBP" + b"".join(head + frames))


def _frame_header(box: Box, delay: int) -> bytes:
    corner = (box.left // _GRID, box.top // _GRID)
    numbers = (*corner, box.width - 1, box.height - 1, delay)
    return b"".join(map(_uint24, numbers)) + bytes([_REPLACE_PIXELS])


def _pack(picture: npt.NDArray[np.uint8], quality: int | None) -> bytes:
    file = io.BytesIO()
    lossless = quality is None  # then the quality is how hard to try
    options = {"lossless": lossless, "quality": 80 if quality is None else quality}
    Image.fromarray(picture).save(file, "WEBP", method=4, **options)
    return file.getvalue()


def _picture_chunk(webp: bytes) -> bytes:
    """Return the chunk of a plain file that holds its picture, header and padding included."""
    position = 12  # after RIFF, its length and WEBP
    while webp[position : position + 4] not in (b"VP8L", b"VP8 "):
        position += 8 + int.from_bytes(webp[position + 4 : position + 8], "little")
    (length,) = struct.unpack_from("<I", webp, position + 4)
    return webp[position : position + 8 + length + length % 2]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _uint24(value: int) -> bytes:
    return value.to_bytes(3, "little")
