"""Where objects are in drawn clips, by bucket: how much of each latent's square they cover.

Latents are linear in the picture, so only this is kept; any colours can be put to it afterwards.
Drawing is numpy alone, and can be shared among processes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from generator.nano import world

Halfs = npt.NDArray[np.float16]
Change = Callable[[world.Floats], world.Floats]  # of coverage (f, h, w): another look

SCALE = 8  # pixels along a latent's edge
ALONE, FIRST, SECOND = range(3)  # an object by itself, or one of two


@dataclass(frozen=True, slots=True)
class Bucket:
    """The frames and size in pixels that all clips of a batch have."""

    frames: int
    width: int
    height: int

    @property
    def latents(self) -> int:
        """The number of latents of a clip."""
        return self.frames * (self.width // SCALE) * (self.height // SCALE)


@dataclass(frozen=True, slots=True)
class Geometries:
    """Drawn clips of one bucket: (slots, shapes, motions, variants, f, 2, h, w)."""

    bucket: Bucket
    parts: Sequence[Future[Halfs]]

    def collect(self) -> Halfs:
        """Wait for all that is being drawn, and return it as one array."""
        drawn = [part.result() for part in self.parts]
        return np.concatenate(drawn, axis=1)


def submit(
    executor: Executor,
    bucket: Bucket,
    variants: int,
    seed: int,
    *,
    change: Change | None = None,
    keep_in: Path | None = None,
) -> Geometries:
    """Have an executor's processes draw ``variants`` clips of all shapes and motions.

    ``change`` is a function of a module, that gives what is drawn another look. What is kept in the
    directory ``keep_in`` isn't drawn again.
    """
    return Geometries(
        bucket,
        [
            executor.submit(
                _draw_once,
                keep_in,
                bucket,
                shape=shape,
                variants=variants,
                seed=seed,
                change=change,
            )
            for shape in world.SHAPES
        ],
    )


def _draw_once(
    directory: Path | None,
    bucket: Bucket,
    *,
    shape: str,
    variants: int,
    seed: int,
    change: Change | None,
) -> Halfs:
    if directory is None:
        return draw(bucket, shape, variants, seed, change)
    name = f"{bucket.frames}x{bucket.width}x{bucket.height}-{shape}-{variants}-{seed}"
    path = directory / f"{name}.npy"
    if path.exists():
        kept: Halfs = np.load(path)
        return kept
    drawn = draw(bucket, shape, variants, seed, change)
    directory.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    with unfinished.open("wb") as file:
        np.save(file, drawn)
    unfinished.replace(path)
    return drawn


def draw(
    bucket: Bucket, shape: str, variants: int, seed: int, change: Change | None = None
) -> Halfs:
    """Draw one shape in all motions, alone and as either of two: (3, 1, motions, v, f, 2, h, w)."""
    rng = np.random.default_rng(
        [seed, 3, bucket.frames, bucket.width, bucket.height, world.SHAPES.index(shape)]
    )
    by_motion = []
    for motion in world.MOTIONS:
        drawn = [_draw_slots(rng, bucket, shape, motion, change) for _ in range(variants)]
        by_motion.append(np.stack(drawn, axis=1))  # (3, v, f, 2, h, w)
    return np.stack(by_motion, axis=1)[:, None]


def _draw_slots(
    rng: np.random.Generator, bucket: Bucket, shape: str, motion: str, change: Change | None
) -> Halfs:
    colors = tuple(world.COLORS)
    alone = world.Attributes(colors[0], shape, motion, next(iter(world.BACKGROUNDS)))
    pair = replace(alone, other=world.Thing(colors[1], shape))
    covered = []
    for attributes in (alone, pair):
        scene = world.draw_scene(rng, attributes)
        # A still is where a clip begins: so the text's motion says where the object is.
        covered.append(world.layers(scene, bucket.width, bucket.height, bucket.frames, begin=True))
    every = np.concatenate(covered)
    if change is not None:
        every = np.stack([change(one) for one in every])
    return np.stack([latent_geometry(one) for one in every]).astype(np.float16)


def latent_geometry(coverage: world.Floats) -> world.Floats:
    """Return (f, 2, h/8, w/8) of pixels' coverage (f, h, w): there, and half a latent further."""
    half = SCALE // 2
    further = np.pad(coverage, ((0, 0), (0, half), (0, half)), mode="edge")[:, half:, half:]
    frames, height, width = coverage.shape
    both = np.stack([coverage, further], axis=1)
    squares = both.reshape(frames, 2, height // SCALE, SCALE, width // SCALE, SCALE)
    return np.asarray(squares.mean((3, 5)), dtype=np.float32)
