"""A clip made of one picture: the view moves over it, so that what is in it moves the other way.

Captions may say how, by ``{motion}``: else the word for a motion would be learnt to mean nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from generator.sources.geometry import Crop

PLACEHOLDER = "{motion}"
CLOSEST = 1.5  # times as large as a picture that is just covered, at most
_ROOM_TO_MOVE = (1.4, 1.7)  # the same for a view that moves: it goes nearly from edge to edge
_TWICE_AS_LARGE = 2.0
_MIDDLE = (0.4, 0.6)  # where a subject mostly is: it stays in view, and no two motions are mixed
MOTIONS = (
    "moving left",
    "moving right",
    "moving up",
    "moving down",
    "growing",
    "shrinking",
    "bouncing",
)


@dataclass(frozen=True, slots=True)
class PanCrop:
    """A crop for each frame, and the motion that this looks like."""

    motion: str
    crops: tuple[Crop, ...]


def fill_motion(caption: str, motion: str) -> str:
    """Return a caption with its placeholder filled in, where it has one."""
    return (
        " ".join(caption.replace(PLACEHOLDER, motion).split())
        if PLACEHOLDER in caption
        else caption
    )


def draw_crop(rng: np.random.Generator) -> Crop:
    """Draw a crop of some part of a picture."""
    return Crop(rng.uniform(1, CLOSEST), rng.random(), rng.random())


def draw_pan_crop(motion: str, frames: int, rng: np.random.Generator) -> PanCrop:
    """Draw the crops of one of MOTIONS, somewhere on the picture, in ``frames`` frames."""
    path = np.linspace(rng.uniform(0, 0.12), rng.uniform(0.88, 1), frames)
    zoom = np.full(frames, rng.uniform(*_ROOM_TO_MOVE))
    across, down = (np.full(frames, rng.uniform(*_MIDDLE)) for _ in range(2))
    match motion:
        case "moving left":
            across = path
        case "moving right":
            across = path[::-1]
        case "moving up":
            down = path
        case "moving down":
            down = path[::-1]
        case "growing" | "shrinking":
            zoom = np.linspace(1, _TWICE_AS_LARGE, frames)[:: 1 if motion == "growing" else -1]
        case _:  # twice, from the ground to the ground, so that the clip loops
            down = path[-1] * np.abs(np.sin(2 * np.pi * np.linspace(0, 1, frames)))
    places = zip(zoom.tolist(), across.tolist(), down.tolist(), strict=True)
    return PanCrop(motion, tuple(Crop(*place) for place in places))
