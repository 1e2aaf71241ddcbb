"""Frames on their way from an engine to a file that isn't written yet. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RawClip:
    """RGB frames, uint8 (frames, height, width, 3), without gaps, shown for ``duration_ms`` in all.

    ``comment`` is a text that the file carries along. ``quality``, 0 to 100, is of a picture that
    may lose something; without it the format's best is written.
    """

    frames: memoryview
    duration_ms: int
    comment: str = ""
    quality: int | None = None
