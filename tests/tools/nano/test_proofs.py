"""The eyes of the proofs: what was drawn is seen as what it is, and as nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from generator.nano import world
from tools.nano.proofs import motions, ring

pytestmark = pytest.mark.slow

ATTRIBUTES = world.Attributes("red", "star", "growing", "navy")


@pytest.mark.parametrize("motion", motions.WORDS)
def test_new_motions_are_told_from_each_other_and_from_the_known(motion: str) -> None:
    rng = np.random.default_rng(0)
    for shape in world.SHAPES:
        attributes = world.Attributes("yellow", shape, "growing", "gray")
        seen = {name: motions.seen_as(name, motions.draw(motion, attributes, rng)) for name in
                motions.WORDS}  # fmt: skip
        assert seen == {name: name == motion for name in motions.WORDS}
    for known in world.MOTIONS:
        attributes = world.Attributes("red", "star", known, "navy")
        frames = world.render(world.draw_scene(rng, attributes), 128, 128, 8)
        assert not motions.seen_as(motion, frames)


def test_a_ring_is_told_from_everything_else() -> None:
    rings = np.stack([ring.draw(40 + 5 * index, 64, 22, "black") for index in range(8)])
    assert ring.is_ring(rings)
    assert ring.is_right("moving right", rings)
    assert not ring.is_right("moving left", rings)
    assert not ring.is_ring(rings[:, :, ::-1])  # its colours on the wrong sides
    rng = np.random.default_rng(0)
    for shape in world.SHAPES:
        for color in (*ring.COLORS, "red"):
            attributes = world.Attributes(color, shape, "moving left", "black")
            frames = world.render(world.draw_scene(rng, attributes), 128, 128, 8)
            assert not ring.is_ring(frames)
