"""Proves that a file is the GIF that was asked for: real, moving, and showing it.

Reads the file by Pillow, and what nano shows from the pixels. Knows neither Discord nor the bot.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Self

import numpy as np
from PIL import Image, ImageSequence

from generator.media.clip import Frames
from generator.nano.measure import ClipAttributes, measure_clip
from generator.nano.prompt_attributes import PromptAttributes

# What Pillow raises for a GIF that is damaged or cut off: some of it by accident.
_DECODING_ERRORS = (
    OSError,
    ValueError,
    IndexError,
    struct.error,
    Image.DecompressionBombError,
)
_MAGIC = (b"GIF87a", b"GIF89a")
_STEP = 24  # levels of a colour channel that a pixel must change by to be seen to change
_CHANGED = 1 / 500  # of all pixels
_COLUMNS, _GAP = 4, 4  # of the sheet; the gap in pixels


class NoProofError(Exception):
    """The file isn't what was asked for; its text follows "the bot posted a file that"."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A GIF that is one: its frames, uint8 (f, h, w, 3), and what it shows where nano made it."""

    frames: Frames
    asked: PromptAttributes
    seen: ClipAttributes | None

    @classmethod
    def of(cls, data: bytes, *, frames: int, prompt: str, is_nano: bool) -> Self:
        """Read and measure a GIF. Raises NoProofError for a file that is none of so many frames."""
        found = _read(data)
        if len(found) != frames:
            raise NoProofError(f"has {len(found)} frames, but {frames} were asked for")
        asked = PromptAttributes.of(prompt) if is_nano else PromptAttributes()
        return cls(found, asked, measure_clip(found) if is_nano else None)

    @property
    def moves(self) -> bool:
        """Return whether a person would see the GIF move, or need not by the prompt."""
        first, rest = self.frames[:1].astype(np.int16), self.frames[1:].astype(np.int16)
        changed = (np.abs(rest - first) > _STEP).any(axis=-1)
        return self.asked.is_still_to_the_eye or bool((changed.mean(axis=(1, 2)) > _CHANGED).any())

    @property
    def is_as_asked(self) -> bool:
        """Return whether the GIF moves and shows all that can be measured of the prompt."""
        shows = self.asked.is_open or (self.seen is not None and self.asked.is_met_by(self.seen))
        return self.moves and shows

    def description(self) -> str:
        """Return what the GIF shows in words: "a red ball, bouncing, on black"."""
        if self.seen is None:
            return "nothing that stands out in every frame"
        seen = self.seen
        article = "an" if seen.color[0] in "aeiou" else "a"
        odd = "" if seen.is_whole else ", not the same in every frame"
        return f"{article} {seen.color} {seen.shape}, {seen.motion}, on {seen.background}{odd}"

    def sheet(self) -> bytes:
        """Return a PNG of all frames in order, four a row."""
        _, height, width, _ = self.frames.shape
        rows = -(-len(self.frames) // _COLUMNS)
        size = (_COLUMNS * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP)
        sheet = Image.new("RGB", size, "white")
        for index, frame in enumerate(self.frames):
            row, column = divmod(index, _COLUMNS)
            place = (_GAP + column * (width + _GAP), _GAP + row * (height + _GAP))
            sheet.paste(Image.fromarray(frame), place)
        written = io.BytesIO()
        sheet.save(written, "PNG")
        return written.getvalue()


def _read(data: bytes) -> Frames:
    """Return all frames of a GIF, uint8 (f, h, w, 3). Raises NoProofError."""
    if not data.startswith(_MAGIC):
        raise NoProofError("isn't a GIF")
    try:
        with Image.open(io.BytesIO(data), formats=("GIF",)) as picture:
            frames = [np.asarray(each.convert("RGB")) for each in ImageSequence.Iterator(picture)]
    except _DECODING_ERRORS as error:
        raise NoProofError(f"is a damaged GIF ({error})") from error
    return np.stack(frames)
