"""Reads a clip's attributes back from its pixels. Knows the world, but nothing of any model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from generator.media.clip import Frames
from generator.nano import world

Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.float64]

_FAR = 48.0  # RGB distance from the background at which a pixel belongs to the object
_WIDEST_EDGE = 1.35  # pixels half of one colour and half of the other; a blend's are wider
_CLOSEST_FIT = 0.78  # share of a shape and its template in common; an object twice has less
_LEAST_GROWTH = 1.7  # of the area, over a clip
_LEAST_WAY = 0.12  # of the picture's edge, over a clip
_LEAST_TURN = 40.0  # degrees, over a clip
_MOST_JITTER = 0.06  # by which areas are off a smooth course, as a share of them
_PATCH = 40  # edge in pixels of the square in which shapes are compared
_PERIODS = {
    name: math.radians(degrees)
    for name, degrees in (("square", 90), ("triangle", 120), ("star", 72))
}
_ANGLES = tuple(math.radians(degrees) for degrees in range(0, 120, 5))


@dataclass(frozen=True, slots=True)
class ClipAttributes:
    """What a clip shows; ``is_whole`` where it is one object of one colour in every frame.

    ``is_steady``: and a clean one, whose size doesn't tremble; blended with where it was before, or
    there twice, it is not.
    """

    color: str
    shape: str
    motion: str
    background: str
    is_whole: bool
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
    blend: float  # how wide its edge is, between its colour and the background's


def measure_clip(frames: Frames) -> ClipAttributes | None:
    """Measure a clip, uint8 (f, h, w, 3); None where no object stands out in every frame."""
    background = border_color(frames)
    blobs = [_find(frame, background) for frame in frames]
    found = [blob for blob in blobs if blob is not None]
    if len(found) < len(frames):
        return None
    colors = [_nearest(blob.color, world.COLORS) for blob in found]
    color = max(set(colors), key=colors.count)
    shape, angles, fits = _shape(found)
    turned = _turned(shape, angles) if shape in _PERIODS else None
    is_whole = len(set(colors)) == 1 and all(blob.whole for blob in found)
    return ClipAttributes(
        color=color,
        shape=shape,
        motion=_motion(found, turned, frames.shape[2], frames.shape[1]),
        background=_nearest(background, world.BACKGROUNDS),
        is_whole=is_whole,
        is_steady=is_whole and _are_clean(found, fits) and _jitter(found) < _MOST_JITTER,
    )


def shapes_by_frame(frames: Frames) -> list[str]:
    """Return the shape that fits best in each frame by itself; "" where there is none."""
    background = border_color(frames)
    found = [_find(frame, background) for frame in frames]
    return ["" if blob is None else _shape([blob])[0] for blob in found]


def colors_by_frame(frames: Frames) -> list[str]:
    """Return the colour of the object in each frame by itself; "" where there is none."""
    background = border_color(frames)
    found = [_find(frame, background) for frame in frames]
    return ["" if blob is None else _nearest(blob.color, world.COLORS) for blob in found]


def moves_throughout(frames: Frames, motion: str) -> bool:
    """Return whether either half of a clip moves as a name of ``world.MOTIONS`` says.

    Of a half, half as much is asked as of the whole.
    """
    background = border_color(frames)
    found = [_find(frame, background) for frame in frames]
    blobs = [blob for blob in found if blob is not None]
    if len(blobs) < len(frames):
        return False
    shape, angles, _ = _shape(blobs)
    half = len(blobs) // 2
    for part in (slice(half + 1), slice(half, None)):
        turned = _turned(shape, angles[part]) if shape in _PERIODS else None
        if motion != _motion(blobs[part], turned, frames.shape[2], frames.shape[1], least=0.5):
            return False
    return True


def is_one_object(frames: Frames) -> bool:
    """Return whether an object is there in one piece in every frame."""
    background = border_color(frames)
    found = [_find(frame, background) for frame in frames]
    return all(blob is not None and blob.whole for blob in found)


def measure_things(frames: Frames, colors: tuple[str, ...]) -> list[list[str]]:
    """Return for each colour the shape of what has it in each frame; "" where nothing has.

    Pixels are sorted by which of the colours and the background is nearest.
    """
    background = border_color(frames)
    names = np.stack([background, *(np.array(world.COLORS[name], np.float32) for name in colors)])
    away = np.linalg.norm(frames[..., None, :].astype(np.float32) - names, axis=-1)
    nearest = away.argmin(-1)
    is_sure = away.min(-1) < _FAR
    shapes: list[list[str]] = []
    for index in range(1, len(names)):
        blobs = [_blob(frame, (near == index) & sure, background)
                 for frame, near, sure in zip(frames, nearest, is_sure, strict=True)]  # fmt: skip
        shapes.append(
            ["" if blob is None or not blob.whole else _shape([blob])[0] for blob in blobs]
        )
    return shapes


def _are_clean(blobs: list[_Blob], fits: list[float]) -> bool:
    """Return whether an object has a sharp edge in every frame, and is there once."""
    return max(blob.blend for blob in blobs) < _WIDEST_EDGE and min(fits) > _CLOSEST_FIT


def _jitter(blobs: list[_Blob]) -> float:
    """Return how far areas are off the smooth course that growing or resting gives them."""
    radii = np.sqrt([blob.area for blob in blobs])
    if len(radii) < 4:
        return 0.0
    times = np.linspace(-1, 1, len(radii))
    smooth = np.polyval(np.polyfit(times, radii, 1), times)
    return float(2 * np.sqrt(np.mean((radii - smooth) ** 2)) / radii.mean())


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
    return _blob(frame, mask, background)


def _blob(frame: Frames, mask: Mask, background: npt.NDArray[np.float32]) -> _Blob | None:
    ys, xs = np.nonzero(mask)
    if len(xs) < 20:
        return None
    x, y = float(xs.mean()), float(ys.mean())
    color = np.median(frame[mask], axis=0).astype(np.float32)
    return _Blob(
        x=x,
        y=y,
        area=len(xs),
        color=color,
        patch=_patch(mask, x, y, len(xs)),
        whole=_largest_piece(mask) > 0.97 * len(xs),
        blend=_blend(frame, color, background),
    )


def _largest_piece(mask: Mask) -> int:
    _, _, pieces, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return int(pieces[1:, cv2.CC_STAT_AREA].max())


def _blend(
    frame: Frames, color: npt.NDArray[np.float32], background: npt.NDArray[np.float32]
) -> float:
    """Return how many pixels lie between two colours for each pixel of the object's edge."""
    way = color - background
    share = (frame.astype(np.float32) - background) @ way / float(way @ way)
    inside = (share > 0.5).astype(np.uint8)
    edge = inside - cv2.erode(inside, np.ones((3, 3), np.uint8))
    return float(((share > 0.25) & (share < 0.75)).sum() / max(1, int(edge.sum())))


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


def _shape(blobs: list[_Blob]) -> tuple[str, list[float], list[float]]:
    """Return the shape that fits best over all frames, its angle in each, and how well it fits."""
    best: dict[str, tuple[list[float], list[float]]] = {}
    for shape, templates in _TEMPLATES.items():
        fits, angles = [], []
        for blob in blobs:
            together = (templates & blob.patch).sum((1, 2)) / (templates | blob.patch).sum((1, 2))
            fits.append(float(together.max()))
            angles.append(_ANGLES[int(together.argmax())])
        best[shape] = (angles, fits)
    shape = max(best, key=lambda name: sum(best[name][1]))
    return shape, *best[shape]


def _motion(
    blobs: list[_Blob], turned: float | None, width: int, height: int, least: float = 1.0
) -> str:
    """Return the name of the motion, or "still".

    ``turned`` is None for a shape that shows no angle; ``least`` is the share of a clip's motion
    that is enough.
    """
    xs, ys = np.array([blob.x for blob in blobs]), np.array([blob.y for blob in blobs])
    areas = np.array([blob.area for blob in blobs], dtype=np.float64)
    growth = areas[-2:].mean() / areas[:2].mean()
    right, down = (xs[-1] - xs[0]) / width, (ys[-1] - ys[0]) / height
    if growth > _LEAST_GROWTH**least:
        return "growing"
    if growth < _LEAST_GROWTH**-least:
        return "shrinking"
    way = _LEAST_WAY * least
    if np.ptp(ys) > way * height and abs(down) < 0.6 * np.ptp(ys) / height:
        return "bouncing"
    if max(abs(right), abs(down)) > way:
        if abs(right) > abs(down):
            return "moving right" if right > 0 else "moving left"
        return "moving down" if down > 0 else "moving up"
    # A ball that spins looks as it does at rest; that is all that can be asked of it.
    turns = turned is None or abs(turned) > math.radians(_LEAST_TURN * least)
    return "spinning" if turns else "still"


def _turned(shape: str, angles: list[float]) -> float:
    """Return how far a shape turned in all, in radians.

    It looks the same again after each period.
    """
    period = _PERIODS[shape]
    steps = np.diff(angles)
    return float(np.sum((steps + period / 2) % period - period / 2))


def _nearest(color: npt.NDArray[np.float32], names: dict[str, tuple[int, int, int]]) -> str:
    return min(names, key=lambda name: float(np.linalg.norm(color - np.array(names[name]))))
