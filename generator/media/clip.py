"""Frames with their time: what every encoder is given. Knows no file format."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
"""RGB pictures, (frames, height, width, 3)."""


@dataclass(frozen=True, slots=True)
class Clip:
    """RGB frames, uint8 (frames, height, width, 3), shown for ``duration_ms`` in all."""

    frames: Frames
    duration_ms: int

    def __post_init__(self) -> None:
        shape = self.frames.shape
        if self.frames.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or 0 in shape:
            raise ValueError(f"frames must be uint8 (f, h, w, 3), not {self.frames.dtype} {shape}")

    @property
    def width(self) -> int:
        return int(self.frames.shape[2])

    @property
    def height(self) -> int:
        return int(self.frames.shape[1])

    def delays(self, units_per_second: int) -> list[int]:
        """Whole units for each frame, adding up to the duration.

        Each frame *ends* at its rounded time, so that rounding never piles up: 8 frames in 1000 ms
        are 12, 13, 12, 13 ... hundredths.
        """
        count = len(self.frames)
        total = round(self.duration_ms * units_per_second / 1000)
        ends = [total * index // count for index in range(count + 1)]
        return [end - start for start, end in itertools.pairwise(ends)]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels."""

    left: int
    top: int
    width: int
    height: int

    def cut(self, picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """The part of a (height, width, ...) picture inside, as a contiguous array."""
        rows = slice(self.top, self.top + self.height)
        columns = slice(self.left, self.left + self.width)
        return np.ascontiguousarray(picture[rows, columns])


def box_around(changed: npt.NDArray[np.bool_], grid: int = 1) -> Box:
    """The smallest box around the True pixels of (h, w), its corner on a multiple of ``grid``.

    One pixel where nothing is True: a frame equal to the one before it is a frame all the same,
    and formats have no empty ones.
    """
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not rows.size:
        return Box(0, 0, 1, 1)
    left, top = int(columns[0]) // grid * grid, int(rows[0]) // grid * grid
    return Box(left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)


def changed_boxes(frames: Frames, grid: int = 1) -> list[Box]:
    """For each frame the box in which it differs from the one before; all of the first."""
    height, width = frames.shape[1:3]
    later = [
        box_around((before != after).any(axis=-1), grid)
        for before, after in itertools.pairwise(frames)
    ]
    return [Box(0, 0, width, height), *later]
