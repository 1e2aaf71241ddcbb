"""Lossless PNG, animated where there are several frames (APNG, PNG specification 3rd edition).

Pillow packs each picture, this module only strings them together: Pillow's own animations merge
frames that are equal, and a master copy must keep every one.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image

from generator.media.clip import Box, Clip, changed_boxes
from generator.media.palette import with_fewer_colours

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_UNITS_PER_SECOND = 1000


def encode(clip: Clip, *, colours: int | None = None) -> bytes:
    """Return a PNG of the one frame, or an endless animation of all of them.

    With at most so many ``colours`` (2 to 256) it is smaller, and no longer lossless.
    """
    if colours is not None:
        clip = clip.with_frames(with_fewer_colours(clip.frames, colours))
    if len(clip.frames) == 1:
        return _pack(clip.frames[0])
    return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in _animation(clip))


def _animation(clip: Clip) -> Iterator[tuple[bytes, bytes]]:
    yield b"IHDR", struct.pack(">IIBBBBB", clip.width, clip.height, 8, 2, 0, 0, 0)
    yield b"acTL", struct.pack(">II", len(clip.frames), 0)
    sequence = 0
    boxes = changed_boxes(clip.frames)
    for frame, box, delay in zip(clip.frames, boxes, clip.delays(_UNITS_PER_SECOND), strict=True):
        first = sequence == 0
        yield b"fcTL", _frame_control(sequence, box, delay)
        sequence += 1
        for data in _picture_data(_pack(box.crop(frame))):
            if first:
                yield b"IDAT", data
            else:
                yield b"fdAT", struct.pack(">I", sequence) + data
                sequence += 1
    yield b"IEND", b""


def _frame_control(sequence: int, box: Box, delay: int) -> bytes:
    keep_after, replace = 0, 0
    region = (box.width, box.height, box.left, box.top)
    return struct.pack(
        ">IIIIIHHBB", sequence, *region, delay, _UNITS_PER_SECOND, keep_after, replace
    )


def _pack(picture: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def _picture_data(png: bytes) -> Iterator[bytes]:
    position = len(_SIGNATURE)
    while position < len(png):
        length, kind = struct.unpack_from(">I4s", png, position)
        if kind == b"IDAT":
            yield png[position + 8 : position + 8 + length]
        position += 12 + length


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
