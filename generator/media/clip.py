"""Frames with their time: what every encoder is given. Knows no file format."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]
"""RGB pictures, (frames, height, width, 3)."""
_UNTOLD_MS = 100
_Value = TypeVar("_Value", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Clip:
    """RGB frames, uint8 (frames, height, width, 3), shown for ``duration_ms`` in all.

    Each for as long as the others, unless ``own_delays_ms`` has each frame's own share of it.
    """

    frames: Frames
    duration_ms: int
    own_delays_ms: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.own_delays_ms and len(self.own_delays_ms) != len(self.frames):
            raise ValueError(f"{len(self.frames)} frames, {len(self.own_delays_ms)} delays")
        shape = self.frames.shape
        if self.frames.dtype != np.uint8 or len(shape) != 4 or shape[3] != 3 or 0 in shape:
            raise ValueError(f"frames must be uint8 (f, h, w, 3), not {self.frames.dtype} {shape}")

    @classmethod
    def timed(cls, frames: Frames, delays_ms: Sequence[int]) -> Clip:
        """Return a clip whose frames are each seen for their own time; 0 is taken for 100 ms."""
        delays = tuple(delay or _UNTOLD_MS for delay in delays_ms)
        own = delays if len(set(delays)) > 1 else ()
        return cls(frames, sum(delays), own)

    def with_frames(self, frames: Frames) -> Clip:
        """Return a clip of other pictures, as many, at the same times."""
        return Clip(frames, self.duration_ms, self.own_delays_ms)

    def every(self, step: int) -> Clip:
        """Return a clip of every ``step``-th frame, each seen until the next one."""
        shares = self.own_delays_ms
        own = tuple(sum(shares[at : at + step]) for at in range(0, len(shares), step))
        return Clip(self.frames[::step], self.duration_ms, own)

    @property
    def width(self) -> int:
        """Edge in pixels."""
        return int(self.frames.shape[2])

    @property
    def height(self) -> int:
        """Edge in pixels."""
        return int(self.frames.shape[1])

    def delays(self, units_per_second: int) -> list[int]:
        """Return the delay of each frame in whole units, which add up to the duration.

        Each frame *ends* at its rounded time, so that rounding never piles up: 8 frames in 1000 ms
        are 12, 13, 12, 13 ... hundredths.
        """
        count = len(self.frames)
        shares = self.own_delays_ms or (1,) * count
        total, whole = round(self.duration_ms * units_per_second / 1000), sum(shares)
        ends = [total * end // whole for end in itertools.accumulate(shares, initial=0)]
        return [end - start for start, end in itertools.pairwise(ends)]


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels."""

    left: int
    top: int
    width: int
    height: int

    def crop(self, picture: npt.NDArray[_Value]) -> npt.NDArray[_Value]:
        """Return the part of a (height, width, ...) picture inside, as a contiguous array."""
        rows = slice(self.top, self.top + self.height)
        columns = slice(self.left, self.left + self.width)
        return np.ascontiguousarray(picture[rows, columns])


def box_around(changed: npt.NDArray[np.bool_], grid: int = 1) -> Box:
    """Return the smallest box around the True pixels of (h, w), its corner a multiple of ``grid``.

    One pixel where nothing is True: a frame equal to the one before it is a frame all the same,
    and formats have no empty ones.
    """
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not rows.size:
        return Box(0, 0, 1, 1)
    left, top = int(columns[0]) // grid * grid, int(rows[0]) // grid * grid
    return Box(left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top)


def changed_boxes(frames: Frames, grid: int = 1) -> list[Box]:
    """Return for each frame the box in which it differs from the one before; all of the first."""
    height, width = frames.shape[1:3]
    later = [
        box_around((before != after).any(axis=-1), grid)
        for before, after in itertools.pairwise(frames)
    ]
    return [Box(0, 0, width, height), *later]
