"""A clip into a file of the format that its extension names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from generator.media import apng, gif, jpeg, mp4, webp
from generator.media.clip import Clip
from generator.media.output import check_output, write_whole

_ENCODERS: dict[str, Callable[[Clip], bytes]] = {
    ".gif": gif.encode,
    ".webp": webp.encode,
    ".mp4": mp4.encode,
    ".png": apng.encode,
    ".jpg": jpeg.encode,
    ".jpeg": jpeg.encode,
}


def save(clip: Clip, path: Path) -> None:
    """Writes ``path`` whole or not at all; raises MediaError, also for an unknown extension."""
    check_output(path)
    write_whole(path, _ENCODERS[path.suffix.lower()](clip))
