"""The world nano knows: one flat shape or two on a flat background, moving in one of eight ways.

Draws clips and their masks from signed distances. Knows nothing of captions or models.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

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
class Thing:
    """The second object of a clip, by names of this module's lists."""

    color: str
    shape: str


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a caption can say of a clip, each one a name of this module's lists.

    Two objects share the picture and move alike: the first on the left or above.
    """

    color: str
    shape: str
    motion: str
    background: str
    other: Thing | None = None

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


@dataclass(frozen=True, slots=True)
class _Room:
    """The part of the picture that an object has to itself, in pixels."""

    left: float
    top: float
    width: float
    height: float
    is_shared: bool = False


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


def draw_pair(rng: np.random.Generator) -> Attributes:
    """Draw two objects of different colours; neither is of a combination held out."""
    while True:
        first, second = draw_attributes(rng), draw_attributes(rng)
        together = replace(second, motion=first.motion)
        if first.color != second.color and not together.held_out:
            return replace(first, other=Thing(second.color, second.shape))


def draw_scene(rng: np.random.Generator, attributes: Attributes) -> Scene:
    return Scene(
        attributes,
        radius=float(rng.uniform(0.21, 0.23)),
        offset=float(rng.uniform(-0.4, 0.4)),
        reach=float(rng.uniform(0.93, 1.0)),
    )


def render(scene: Scene, width: int, height: int, frames: int) -> Frames:
    """Return a clip as uint8 (f, h, w, 3)."""
    attributes = scene.attributes
    background = np.asarray(BACKGROUNDS[attributes.background], dtype=np.float32)
    names = [attributes.color] + ([attributes.other.color] if attributes.other else [])
    painted = np.broadcast_to(background, (frames, height, width, 3))
    for name, covers in zip(names, layers(scene, width, height, frames), strict=True):
        color = np.asarray(COLORS[name], dtype=np.float32)
        painted = painted + (color - background) * covers[..., None]
    return np.rint(painted).astype(np.uint8)


def coverage(scene: Scene, width: int, height: int, frames: int) -> Floats:
    """Return how much of each pixel the objects cover, 0 to 1, as (f, h, w)."""
    return np.asarray(layers(scene, width, height, frames).sum(0), dtype=np.float32)


def layers(scene: Scene, width: int, height: int, frames: int, *, begin: bool = False) -> Floats:
    """Return how much of each pixel each object covers, 0 to 1, as (objects, f, h, w).

    A single frame is of the middle of the clip, or where it begins.
    """
    attributes = scene.attributes
    if attributes.other is None:
        rooms = [(attributes.shape, _Room(0, 0, width, height))]
    else:
        shapes = (attributes.shape, attributes.other.shape)
        rooms = list(zip(shapes, _halves(attributes.motion, width, height), strict=True))
    times = np.linspace(0, 1, frames) if frames > 1 else np.array([0.0 if begin else 0.5])
    return np.stack(
        [
            np.stack([cover(shape, width, height, _pose(scene, room, float(t))) for t in times])
            for shape, room in rooms
        ]
    )


def _halves(motion: str, width: int, height: int) -> tuple[_Room, _Room]:
    """Return the two halves of the picture, cut along the way the objects go."""
    across = motion in ("moving left", "moving right")
    if across or (not motion.startswith("moving") and motion != "bouncing" and height > width):
        half = height / 2
        return _Room(0, 0, width, half, is_shared=True), _Room(0, half, width, half, is_shared=True)
    half = width / 2
    return _Room(0, 0, half, height, is_shared=True), _Room(half, 0, half, height, is_shared=True)


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


def _pose(scene: Scene, room: _Room, time: float) -> Pose:
    """Return where an object is in its room at a time from 0 to 1."""
    motion = scene.attributes.motion
    is_in_place = not motion.startswith("moving") and motion != "bouncing"
    most = 0.26 if is_in_place else 0.34
    short = min(room.width, room.height) * (most if room.is_shared else 0.24)
    radius = min(scene.radius * math.sqrt(room.width * room.height), short)
    middle_x, middle_y = room.left + room.width / 2, room.top + room.height / 2
    room_x = max(room.width / 2 - radius * 1.08, 0)
    room_y = max(room.height / 2 - radius * 1.08, 0)
    aside = scene.offset * 0.3
    if motion.startswith("moving"):
        right, down = _WAYS[motion]
        along = scene.reach * (2 * time - 1)
        return Pose(
            middle_x + (along * right if right else aside) * room_x,
            middle_y + (along * down if down else aside) * room_y,
            radius,
        )
    if motion == "bouncing":
        hop = abs(math.sin(2 * math.pi * time))
        drop = scene.reach * room_y * (1 - 2 * hop)
        return Pose(middle_x + aside * room_x, middle_y + drop, radius)
    nudge = 0 if room.is_shared else aside * 16
    return _in_place(motion, Pose(middle_x + nudge, middle_y, radius), time)


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
