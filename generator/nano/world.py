"""The world nano knows: one flat shape on a flat background, moving in one of eight ways.

Draws clips and their masks from signed distances. Knows nothing of captions or models.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generator.media.clip import Frames

Floats = npt.NDArray[np.float32]

COLORS: dict[str, tuple[int, int, int]] = {
    "red": (228, 26, 28),
    "green": (30, 165, 50),
    "blue": (40, 85, 240),
    "yellow": (250, 225, 30),
    "purple": (140, 40, 175),
    "orange": (255, 140, 10),
    "white": (250, 250, 250),
    "cyan": (20, 215, 230),
}
BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "black": (8, 8, 8),
    "gray": (128, 128, 128),
    "navy": (10, 15, 95),
    "beige": (230, 213, 178),
}
SHAPES = ("ball", "square", "triangle", "star")
MOTIONS = (
    "moving left",
    "moving right",
    "moving up",
    "moving down",
    "bouncing",
    "growing",
    "shrinking",
    "spinning",
)
SPIN_PER_CLIP = math.radians(105)  # 15 degrees a frame in a clip of 8: no symmetry hides it


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a caption can say of a clip, each one a name of this module's lists."""

    color: str
    shape: str
    motion: str
    background: str

    @property
    def held_out(self) -> bool:
        """Return whether training never sees this combination, one in 8.

        Every colour, shape and motion is left out equally often, so each stays learnable.
        """
        color = list(COLORS).index(self.color)
        shape = SHAPES.index(self.shape)
        motion = MOTIONS.index(self.motion)
        return (color + 2 * shape + 3 * motion) % 8 == 0


@dataclass(frozen=True, slots=True)
class Scene:
    """Attributes with the geometry that chance adds. Offsets and sizes are shares of the frame."""

    attributes: Attributes
    radius: float = 0.22  # of the geometric mean of the edges
    offset: float = 0.0  # across the path, -1 to 1
    reach: float = 1.0  # how much of the room the path takes


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a shape is: centre and radius in pixels, angle in radians, clockwise."""

    x: float
    y: float
    radius: float
    angle: float = 0.0


def draw_attributes(rng: np.random.Generator, *, held_out: bool = False) -> Attributes:
    """Draw uniformly over the combinations that training sees, or over those it never sees."""
    while True:
        attributes = Attributes(
            color=_choose(rng, tuple(COLORS)),
            shape=_choose(rng, SHAPES),
            motion=_choose(rng, MOTIONS),
            background=_choose(rng, tuple(BACKGROUNDS)),
        )
        if attributes.held_out == held_out:
            return attributes


def draw_scene(rng: np.random.Generator, attributes: Attributes) -> Scene:
    return Scene(
        attributes,
        radius=float(rng.uniform(0.21, 0.23)),
        offset=float(rng.uniform(-0.4, 0.4)),
        reach=float(rng.uniform(0.93, 1.0)),
    )


def render(scene: Scene, width: int, height: int, frames: int) -> Frames:
    """Return a clip as uint8 (f, h, w, 3)."""
    covers = coverage(scene, width, height, frames)[..., None]
    background = np.asarray(BACKGROUNDS[scene.attributes.background], dtype=np.float32)
    color = np.asarray(COLORS[scene.attributes.color], dtype=np.float32)
    return np.rint(background + (color - background) * covers).astype(np.uint8)


def coverage(scene: Scene, width: int, height: int, frames: int) -> Floats:
    """Return how much of each pixel the object covers, 0 to 1, as (f, h, w)."""
    times = np.linspace(0, 1, frames) if frames > 1 else np.array([0.5])
    poses = [_pose(scene, width, height, float(time)) for time in times]
    return np.stack([cover(scene.attributes.shape, width, height, pose) for pose in poses])


def cover(shape: str, width: int, height: int, pose: Pose) -> Floats:
    """Return one shape's coverage (h, w)."""
    covered = np.zeros((height, width), dtype=np.float32)
    left, right = _span(pose.x, pose.radius, width)
    top, bottom = _span(pose.y, pose.radius, height)
    ys, xs = np.mgrid[top:bottom, left:right].astype(np.float32) + 0.5
    across, down = (xs - pose.x) / pose.radius, (ys - pose.y) / pose.radius
    cos, sin = math.cos(pose.angle), math.sin(pose.angle)
    distance = _DISTANCES[shape](cos * across + sin * down, cos * down - sin * across)
    covered[top:bottom, left:right] = np.clip(0.5 - distance * pose.radius, 0, 1)
    return covered


def _span(center: float, radius: float, edge: int) -> tuple[int, int]:
    """Return the pixels a shape can touch along one axis; no corner lies beyond 1.25 radii."""
    reach = 1.25 * radius + 1
    first = min(max(math.floor(center - reach), 0), edge)
    return first, min(max(math.ceil(center + reach), first), edge)


def _pose(scene: Scene, width: int, height: int, time: float) -> Pose:
    """Return where the object is at a time from 0 to 1."""
    radius = min(scene.radius * math.sqrt(width * height), 0.24 * min(width, height))
    room_x = max(width / 2 - radius * 1.08, 0)
    room_y = max(height / 2 - radius * 1.08, 0)
    motion = scene.attributes.motion
    aside = scene.offset * 0.3
    if motion.startswith("moving"):
        right, down = _WAYS[motion]
        along = scene.reach * (2 * time - 1)
        return Pose(
            width / 2 + (along * right if right else aside) * room_x,
            height / 2 + (along * down if down else aside) * room_y,
            radius,
        )
    if motion == "bouncing":
        hop = abs(math.sin(2 * math.pi * time))
        drop = scene.reach * room_y * (1 - 2 * hop)
        return Pose(width / 2 + aside * room_x, height / 2 + drop, radius)
    return _in_place(motion, Pose(width / 2 + aside * 16, height / 2, radius), time)


def _in_place(motion: str, pose: Pose, time: float) -> Pose:
    if motion == "spinning":
        return Pose(pose.x, pose.y, pose.radius * 1.25, SPIN_PER_CLIP * time)
    grown = time if motion == "growing" else 1 - time
    return Pose(pose.x, pose.y, pose.radius * (0.55 + grown))


_WAYS = {
    "moving left": (-1, 0),
    "moving right": (1, 0),
    "moving up": (0, -1),
    "moving down": (0, 1),
}


def _ball(x: Floats, y: Floats) -> Floats:
    return (np.hypot(x, y) - 1).astype(np.float32)


def _square(x: Floats, y: Floats) -> Floats:
    return (np.maximum(np.abs(x), np.abs(y)) - 0.86).astype(np.float32)


def _polygon(corners: list[tuple[float, float]]) -> Callable[[Floats, Floats], Floats]:
    """Return the signed distance to a closed polygon, corners clockwise with y pointing down."""

    def distance(x: Floats, y: Floats) -> Floats:
        nearest = np.full(x.shape, np.inf, dtype=np.float32)
        inside = np.zeros(x.shape, dtype=bool)
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
            edge_x, edge_y = bx - ax, by - ay
            from_x, from_y = x - ax, y - ay
            share = np.clip((from_x * edge_x + from_y * edge_y) / (edge_x**2 + edge_y**2), 0, 1)
            nearest = np.minimum(
                nearest, np.hypot(from_x - share * edge_x, from_y - share * edge_y)
            )
            crosses = (ay > y) != (by > y)
            inside ^= crosses & (x < ax + (y - ay) * edge_x / (edge_y or 1))
        return np.where(inside, -nearest, nearest).astype(np.float32)

    return distance


def _ring(count: int, radii: tuple[float, ...]) -> list[tuple[float, float]]:
    turns = [2 * math.pi * corner / count for corner in range(count)]
    return [
        (radii[i % len(radii)] * math.sin(turn), -radii[i % len(radii)] * math.cos(turn))
        for i, turn in enumerate(turns)
    ]


_DISTANCES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "ball": _ball,
    "square": _square,
    "triangle": _polygon(_ring(3, (1.15,))),
    "star": _polygon(_ring(10, (1.2, 0.5))),
}


def _choose(rng: np.random.Generator, names: tuple[str, ...]) -> str:
    return names[int(rng.integers(len(names)))]
