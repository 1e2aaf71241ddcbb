"""A clip into a file of the format that its extension names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from generator.media import (
    apng_encoder as apng,
)
from generator.media import (
    gif_encoder as gif,
)
from generator.media import (
    jpeg_encoder as jpeg,
)
from generator.media import (
    mp4_encoder as mp4,
)
from generator.media import (
    webp_encoder as webp,
)
from generator.media.clip import Clip
from generator.media.comment import with_comment
from generator.media.output import check_output, write_whole

_ENCODERS: dict[str, Callable[[Clip], bytes]] = {
    ".gif": gif.encode,
    ".webp": webp.encode,
    ".mp4": mp4.encode,
    ".png": apng.encode,
    ".jpg": jpeg.encode,
    ".jpeg": jpeg.encode,
}


def encode(clip: Clip, suffix: str) -> bytes:
    """The file of that extension, at its best; ``suffix`` is one of ``output.SUFFIXES``."""
    return _ENCODERS[suffix](clip)


def save(clip: Clip, path: Path, comment: str = "") -> None:
    """Writes ``path`` whole or not at all; raises MediaError, also for an unknown extension.

    ``comment`` is a text that the file carries along (see ``generator.media.comment``).
    """
    check_output(path)
    write_whole(path, with_comment(encode(clip, path.suffix.lower()), comment))
