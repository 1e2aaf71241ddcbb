"""Reads a clip's attributes back from its pixels. Knows the world, but nothing of any model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generator.media.clip import Frames
from generator.nano import world

Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.float64]

_FAR = 48.0  # RGB distance from the background at which a pixel belongs to the object
_PATCH = 40  # edge in pixels of the square in which shapes are compared
_PERIODS = {
    name: math.radians(degrees)
    for name, degrees in (("square", 90), ("triangle", 120), ("star", 72))
}
_ANGLES = tuple(math.radians(degrees) for degrees in range(0, 120, 5))


@dataclass(frozen=True, slots=True)
class ClipAttributes:
    """What a clip shows; ``is_steady`` where it is one object, the same in every frame."""

    color: str
    shape: str
    motion: str
    background: str
    is_steady: bool


@dataclass(frozen=True, slots=True)
class _Blob:
    """The object in one frame; places and sizes in pixels."""

    x: float
    y: float
    area: int
    color: npt.NDArray[np.float32]
    patch: Mask
    whole: bool  # nearly all of it lies together


def measure_clip(frames: Frames) -> ClipAttributes | None:
    """Measure a clip, uint8 (f, h, w, 3); None where no object stands out in every frame."""
    background = border_color(frames)
    blobs = [_find(frame, background) for frame in frames]
    found = [blob for blob in blobs if blob is not None]
    if len(found) < len(frames):
        return None
    colors = [_nearest(blob.color, world.COLORS) for blob in found]
    color = max(set(colors), key=colors.count)
    shape, angles = _shape(found)
    turned = _turned(shape, angles) if shape in _PERIODS else None
    return ClipAttributes(
        color=color,
        shape=shape,
        motion=_motion(found, turned, frames.shape[2], frames.shape[1]),
        background=_nearest(background, world.BACKGROUNDS),
        is_steady=len(set(colors)) == 1 and all(blob.whole for blob in found),
    )


def positions(frames: Frames) -> Positions | None:
    """Return where the object's middle is in each frame (f, 2), as shares of width and height.

    None is returned where no object stands out in every frame.
    """
    background = border_color(frames)
    found = [_find(frame, background) for frame in frames]
    middles = [(blob.x, blob.y) for blob in found if blob is not None]
    if len(middles) < len(frames):
        return None
    return np.array(middles) / (frames.shape[2], frames.shape[1])


def border_color(frames: Frames) -> npt.NDArray[np.float32]:
    """Return what is most along the edges of all frames, as RGB levels (3,)."""
    edge = np.concatenate(
        [frames[:, :3].reshape(-1, 3), frames[:, -3:].reshape(-1, 3),
         frames[:, :, :3].reshape(-1, 3), frames[:, :, -3:].reshape(-1, 3)]
    )  # fmt: skip
    middle: npt.NDArray[np.float32] = np.median(edge, axis=0).astype(np.float32)
    return middle


def _find(frame: Frames, background: npt.NDArray[np.float32]) -> _Blob | None:
    mask = np.linalg.norm(frame.astype(np.float32) - background, axis=-1) > _FAR
    ys, xs = np.nonzero(mask)
    if len(xs) < 20:
        return None
    x, y = float(xs.mean()), float(ys.mean())
    near = np.hypot(xs - x, ys - y) < 2.2 * math.sqrt(len(xs) / math.pi)
    return _Blob(
        x=x,
        y=y,
        area=len(xs),
        color=np.median(frame[mask], axis=0).astype(np.float32),
        patch=_patch(mask, x, y, len(xs)),
        whole=bool(near.mean() > 0.97),
    )


def _patch(mask: Mask, x: float, y: float, area: int) -> Mask:
    """Return the mask moved to the middle and scaled to one area."""
    scale = math.sqrt(area) / (_PATCH / 2)
    steps = (np.arange(_PATCH) + 0.5 - _PATCH / 2) * scale
    rows = np.clip(np.rint(y + steps).astype(int), -1, mask.shape[0])
    columns = np.clip(np.rint(x + steps).astype(int), -1, mask.shape[1])
    framed = np.pad(mask, 1)
    return framed[np.ix_(rows + 1, columns + 1)]


def _templates() -> dict[str, npt.NDArray[np.bool_]]:
    """Return each shape at each angle, as (angles, patch, patch) of one area around the middle."""
    drawn: dict[str, npt.NDArray[np.bool_]] = {}
    for shape in world.SHAPES:
        masks = []
        for angle in _ANGLES if shape != "ball" else _ANGLES[:1]:
            mask = world.cover(shape, 160, 160, world.Pose(80, 80, 50, angle)) > 0.5
            ys, xs = np.nonzero(mask)
            masks.append(_patch(mask, float(xs.mean()), float(ys.mean()), len(xs)))
        drawn[shape] = np.stack(masks)
    return drawn


_TEMPLATES = _templates()


def _shape(blobs: list[_Blob]) -> tuple[str, list[float]]:
    """Return the shape that fits best over all frames, and the angle at which it does in each."""
    best: dict[str, tuple[float, list[float]]] = {}
    for shape, templates in _TEMPLATES.items():
        total, angles = 0.0, []
        for blob in blobs:
            together = (templates & blob.patch).sum((1, 2)) / (templates | blob.patch).sum((1, 2))
            total += float(together.max())
            angles.append(_ANGLES[int(together.argmax())])
        best[shape] = (total, angles)
    shape = max(best, key=lambda name: best[name][0])
    return shape, best[shape][1]


def _motion(blobs: list[_Blob], turned: float | None, width: int, height: int) -> str:
    """Return the name of the motion, or "still".

    ``turned`` is None for a shape that shows no angle.
    """
    xs, ys = np.array([blob.x for blob in blobs]), np.array([blob.y for blob in blobs])
    areas = np.array([blob.area for blob in blobs], dtype=np.float64)
    growth = areas[-2:].mean() / areas[:2].mean()
    right, down = (xs[-1] - xs[0]) / width, (ys[-1] - ys[0]) / height
    if growth > 1.7:
        return "growing"
    if growth < 1 / 1.7:
        return "shrinking"
    if np.ptp(ys) > 0.12 * height and abs(down) < 0.6 * np.ptp(ys) / height:
        return "bouncing"
    if max(abs(right), abs(down)) > 0.12:
        if abs(right) > abs(down):
            return "moving right" if right > 0 else "moving left"
        return "moving down" if down > 0 else "moving up"
    # A ball that spins looks as it does at rest; that is all that can be asked of it.
    return "spinning" if turned is None or abs(turned) > math.radians(40) else "still"


def _turned(shape: str, angles: list[float]) -> float:
    """Return how far a shape turned in all, in radians.

    It looks the same again after each period.
    """
    period = _PERIODS[shape]
    steps = np.diff(angles)
    return float(np.sum((steps + period / 2) % period - period / 2))


def _nearest(color: npt.NDArray[np.float32], names: dict[str, tuple[int, int, int]]) -> str:
    return min(names, key=lambda name: float(np.linalg.norm(color - np.array(names[name]))))
