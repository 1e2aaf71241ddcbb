"""A clip into a file of the format that its extension names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from generator.contract.raw_clip import RawClip
from generator.media import (
    apng_encoder,
    gif_encoder,
    jpeg_encoder,
    mp4_encoder,
    webp_encoder,
)
from generator.media.clip import Clip
from generator.media.comment import with_comment
from generator.media.output import check_output, write_whole

_ENCODERS: dict[str, Callable[[Clip], bytes]] = {
    ".gif": gif_encoder.encode,
    ".webp": webp_encoder.encode,
    ".mp4": mp4_encoder.encode,
    ".png": apng_encoder.encode,
    ".jpg": jpeg_encoder.encode,
    ".jpeg": jpeg_encoder.encode,
}


def encode(clip: Clip, suffix: str) -> bytes:
    """Return the file of that extension, at its best; ``suffix`` is one of ``output.SUFFIXES``."""
    return _ENCODERS[suffix](clip)


def encode_raw(raw: RawClip, suffix: str) -> bytes:
    """Return the file of that extension of a raw clip, with its comment; of a lossy one, a WebP."""
    clip = Clip(np.asarray(raw.frames), raw.duration_ms)
    if raw.quality is not None:
        return webp_encoder.encode(clip, quality=raw.quality)
    return with_comment(encode(clip, suffix), raw.comment)


def save(clip: Clip, path: Path, comment: str = "") -> None:
    """Write ``path`` whole or not at all. Raises MediaError, also for an unknown extension.

    ``comment`` is a text that the file carries along (see ``generator.media.comment``).
    """
    check_output(path)
    write_whole(path, with_comment(encode(clip, path.suffix.lower()), comment))
