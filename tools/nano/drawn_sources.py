"""What ControlNets learn from, drawn by processes: sources of one shape, and what of them is seen.

Drawing is numpy and OpenCV alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from generator.nano import world
from tools.nano import source_paths
from tools.nano.geometries import Bucket, Halfs, latent_geometry

SEED = 0
OWN_SHAPE_SHARE = 0.4  # sources of another shape than the caption's
AS_SAID_SHARE = 0.3  # sources that move as the caption says
Sources = tuple[Halfs, npt.NDArray[np.uint8]]  # geometries, and what of them is seen


def draw_sources(kind: str, bucket: Bucket, shape: str, variants: int) -> Sources:
    """Draw sources for captions of one shape, as geometries of ``tools.nano.geometries`` lie.

    What the ControlNet sees is (1, 1, motions, variants, f, h, w) uint8: it is gray.
    """
    rng = np.random.default_rng(
        [SEED, 7, bucket.frames, bucket.width, bucket.height, world.SHAPES.index(shape),
         *kind.encode()]
    )  # fmt: skip
    geometry, seen = [], []
    for motion in world.MOTIONS:
        attributes = world.Attributes("red", shape, motion, "black")
        for _ in range(variants):
            coverage = _draw(rng, attributes, bucket)
            geometry.append(latent_geometry(coverage).astype(np.float16))
            seen.append(source_paths.ANNOTATORS[kind](rng, coverage)[..., 0])
    lead = (1, 1, len(world.MOTIONS), variants)
    shown = np.stack(seen)
    drawn = np.stack(geometry)
    return drawn.reshape(*lead, *drawn.shape[1:]), shown.reshape(*lead, *shown.shape[1:])


def _draw(rng: np.random.Generator, attributes: world.Attributes, bucket: Bucket) -> world.Floats:
    """Draw a shape's coverage on a path of its own; now and then as the world moves it."""
    if rng.random() < AS_SAID_SHARE:
        scene = world.draw_scene(rng, attributes)
        return world.coverage(scene, bucket.width, bucket.height, bucket.frames)
    shape = attributes.shape
    if rng.random() < OWN_SHAPE_SHARE:
        shape = world.SHAPES[int(rng.integers(len(world.SHAPES)))]
    return source_paths.draw_coverage(rng, shape, (bucket.width, bucket.height), bucket.frames)
