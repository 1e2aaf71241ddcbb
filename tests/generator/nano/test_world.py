"""The drawn world: what is drawn is what was asked for, and can be read back from the pixels."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch

from generator.contract.limits import ModelLimits, Size
from generator.nano import measure, world
from tools.nano import clips, vae

SIZES = ModelLimits(native_edge=128).sizes


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_what_is_drawn_is_seen_again(size: Size) -> None:
    rng = np.random.default_rng(1)
    for motion, shape in product(world.MOTIONS, world.SHAPES):
        color, background = rng.choice(list(world.COLORS)), rng.choice(list(world.BACKGROUNDS))
        attributes = world.Attributes(str(color), shape, motion, str(background))
        frames = world.render(world.draw_scene(rng, attributes), size.width, size.height, 8)
        seen = measure.measure_clip(frames)
        assert seen is not None
        assert (seen.color, seen.shape, seen.motion, seen.background, seen.is_steady) == (
            color, shape, motion, background, True,
        )  # fmt: skip


def test_an_empty_picture_shows_nothing() -> None:
    assert measure.measure_clip(np.zeros((8, 64, 64, 3), dtype=np.uint8)) is None


def test_a_shape_at_rest_is_not_taken_for_one_that_spins() -> None:
    attributes = world.Attributes("red", "square", "spinning", "black")
    frames = world.render(world.Scene(attributes), 128, 128, 8)
    still = np.repeat(frames[:1], 8, axis=0)
    seen = measure.measure_clip(still)
    assert seen is not None
    assert seen.motion == "still"


def test_a_change_of_color_is_not_steady() -> None:
    scenes = [world.Scene(world.Attributes(color, "ball", "growing", "black"))
              for color in ("red", "blue")]  # fmt: skip
    first, second = (world.render(scene, 128, 128, 8) for scene in scenes)
    seen = measure.measure_clip(np.concatenate([first[:4], second[4:]]))
    assert seen is not None
    assert not seen.is_steady


def test_every_color_shape_and_motion_is_held_out_equally_often() -> None:
    every = [
        world.Attributes(color, shape, motion, "black")
        for color, shape, motion in product(world.COLORS, world.SHAPES, world.MOTIONS)
    ]
    left_out = [attributes for attributes in every if attributes.held_out]
    assert len(left_out) == len(every) / 8
    for name in ("color", "shape", "motion"):
        counts = Counter(getattr(attributes, name) for attributes in left_out)
        assert len(set(counts.values())) == 1


def test_training_never_draws_what_is_held_out() -> None:
    rng = np.random.default_rng(2)
    assert not any(world.draw_attributes(rng).held_out for _ in range(500))
    assert all(world.draw_attributes(rng, held_out=True).held_out for _ in range(50))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_latents_from_geometry_are_those_of_the_picture(size: Size) -> None:
    attributes = world.Attributes("orange", "star", "spinning", "navy")
    scene = world.Scene(attributes, offset=0.4)
    covered = torch.from_numpy(world.coverage(scene, size.width, size.height, 8))
    pixels = torch.from_numpy(world.render(scene, size.width, size.height, 8))
    pictures = pixels.permute(0, 3, 1, 2) / 127.5 - 1
    latents = clips.color_latents(clips.latent_geometry(covered), attributes)
    torch.testing.assert_close(latents, vae.latents_of(pictures), atol=0.02, rtol=0)
