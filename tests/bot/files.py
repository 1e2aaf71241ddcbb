"""Files that people bring, good and bad, made as they are needed."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from generator.media.comment import comment_of

Shape = Sequence[int]


def gif(frames: int = 6, width: int = 64, height: int = 48, delay: int = 100) -> bytes:
    """A square that moves to the right."""
    pictures = []
    for index in range(frames):
        picture = np.zeros((height, width, 3), np.uint8)
        picture[10:30, 4 * index : 4 * index + 16] = 255
        pictures.append(Image.fromarray(picture))
    made = io.BytesIO()
    pictures[0].save(made, "GIF", save_all=True, append_images=pictures[1:], duration=delay, loop=0)
    return made.getvalue()


def still(
    kind: str = "PNG", size: tuple[int, int] = (32, 32), colour: tuple[int, int, int] = (0, 0, 0)
) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", size, colour).save(made, kind)
    return made.getvalue()


def bomb(frames: int = 100, edge: int = 4096) -> bytes:
    """Small as a file, giant once it is decoded."""
    made = io.BytesIO()
    Image.new("P", (edge, edge)).save(made, "GIF")
    one = made.getvalue()
    # behind the header and its palette stands a frame, which needn't be packed a hundred times
    start = 13 + 3 * 2 ** ((one[10] & 7) + 1)
    delay = b"\x21\xf9\x04\x00\x0a\x00\x00\x00"
    return b"GIF89a" + one[6:start] + (delay + one[start:-1]) * frames + one[-1:]


def safetensors(
    shapes: Mapping[str, Shape], metadata: dict[str, str] | None = None, *, filler: int = 0
) -> bytes:
    """Tensors of zeros in float16, as such a file has them; ``filler`` makes it another file."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    position = 0
    for name, shape in shapes.items():
        size = int(np.prod(shape)) * 2
        header[name] = {
            "dtype": "F16",
            "shape": list(shape),
            "data_offsets": [position, position + size],
        }
        position += size
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes([filler]) * position


def request_in(data: bytes) -> dict[str, Any]:
    """What the engine ``draws`` was asked."""
    found: dict[str, Any] = json.loads(comment_of(data))["request"]
    return found
