"""Source clips for ControlNets: one shape on a path of any kind, and what ControlNets see of it.

Training draws curves; the figures of eight, circles and zigzags are for measuring, and never seen.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from generator.annotators.annotator import detect_canny_edges
from generator.media.clip import Frames
from generator.nano import world
from generator.nano.world import Floats, Pose

MIN_CONTRAST = 70.0  # of brightness, at which the annotator still finds an edge
_BRIGHTNESS = np.array([0.299, 0.587, 0.114])  # as OpenCV weighs red, green and blue

Points = npt.NDArray[np.float64]  # (f, 2), shares of the room from -1 to 1
Times = npt.NDArray[np.float64]


def draw_curve(rng: np.random.Generator, times: Times) -> Points:
    """Draw a quadratic curve between two points, over or under a third."""
    start, over, end = rng.uniform(-1, 1, size=(3, 2))
    at = times[:, None]
    return np.asarray((1 - at) ** 2 * start + 2 * at * (1 - at) * over + at**2 * end)


def draw_unseen(rng: np.random.Generator, times: Times) -> Points:
    """Draw a figure of eight, a circle or a zigzag: paths that no training draws."""
    turn = 2 * math.pi * (times + rng.random())
    way = 1 if rng.random() < 0.5 else -1
    kind = int(rng.integers(3))
    if kind == 0:
        points = [np.sin(turn), np.sin(2 * turn)]
    elif kind == 1:
        points = [np.cos(turn), np.sin(turn)]
    else:
        saw = 2 * np.abs(2 * ((2 * times + rng.random()) % 1) - 1) - 1
        points = [2 * times - 1, saw]
    stacked = np.stack(points[::way], axis=1) * [way, 1]
    return np.asarray(stacked * rng.uniform(0.7, 1.0))


def draw_coverage(
    rng: np.random.Generator,
    shape: str,
    size: tuple[int, int],
    frames: int,
    draw_path: Callable[[np.random.Generator, Times], Points] = draw_curve,
) -> Floats:
    """Draw how much of each pixel (f, h, w) the shape covers on its path; ``size`` is (w, h).

    It may turn and grow on its way.
    """
    width, height = size
    times = np.linspace(0, 1, frames) if frames > 1 else np.array([rng.random()])
    points = draw_path(rng, times)
    first, last = rng.uniform(0.12, 0.24, size=2) * min(width, height)
    radii = first + (last - first) * times
    angles = rng.uniform(0, 2 * math.pi) * (rng.random() < 0.5) + times * rng.uniform(-2, 2) * (
        rng.random() < 0.5
    )
    poses = [
        Pose(
            width / 2 + x * (width / 2 - radius),
            height / 2 + y * (height / 2 - radius),
            radius,
            angle,
        )
        for (x, y), radius, angle in zip(points, radii, angles, strict=True)
    ]
    return np.stack([world.cover(shape, width, height, pose) for pose in poses])


def draw_source(rng: np.random.Generator, coverage: Floats) -> Frames:
    """Draw the clip as somebody's GIF (f, h, w, 3), in any two colours that can be told apart."""
    while True:
        color, background = rng.integers(0, 256, size=(2, 3)).astype(np.float32)
        if abs((color - background) @ _BRIGHTNESS) >= MIN_CONTRAST:
            break
    drawn: Frames = np.rint(background + (color - background) * coverage[..., None])
    return drawn.astype(np.uint8)


def draw_edges(rng: np.random.Generator, coverage: Floats) -> Frames:
    """Draw the edges (f, h, w, 3) that the canny annotator finds."""
    return detect_canny_edges(draw_source(rng, coverage))


def draw_depth(rng: np.random.Generator, coverage: Floats) -> Frames:
    """Draw depth (f, h, w, 3) as models see it: the shape before its background, maybe a floor.

    Never quite the same nearness, nor quite as sharp as what was drawn.
    """
    height = coverage.shape[1]
    near, far = rng.uniform(170, 255), rng.uniform(0, 60)
    floor = np.linspace(0, rng.uniform(0, 60) * (rng.random() < 0.5), height)[:, None]
    blur = float(rng.uniform(0.3, 2.0))
    soft = np.stack([cv2.GaussianBlur(covered, (0, 0), blur) for covered in coverage])
    levels = (far + floor) * (1 - soft) + near * soft
    gray = levels.round().clip(0, 255).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=-1)


ANNOTATORS: dict[str, Callable[[np.random.Generator, Floats], Frames]] = {
    "canny": draw_edges,
    "depth": draw_depth,
}
