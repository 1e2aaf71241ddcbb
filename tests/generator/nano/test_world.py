"""The drawn world: what is drawn is what was asked for, and can be read back from the pixels."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch

from generator.contract.limits import ModelLimits, Size
from generator.media.clip import Frames
from generator.nano import measure, world
from tools.nano import clips, vae
from tools.nano.geometries import latent_geometry

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


def _latents_of(scene: world.Scene, size: Size) -> torch.Tensor:
    """Return a scene's latents (f, 4, h, w), put together from where its objects are."""
    attributes = scene.attributes
    names = [attributes.color] + ([attributes.other.color] if attributes.other else [])
    rgb = [torch.tensor([world.COLORS[name]]) / 127.5 - 1 for name in names]
    covers = [
        torch.from_numpy(latent_geometry(covered))[None]
        for covered in world.layers(scene, size.width, size.height, 8)
    ]
    background = torch.tensor([world.BACKGROUNDS[attributes.background]]) / 127.5 - 1
    return clips.color_latents(background, list(zip(rgb, covers, strict=True)))[0].transpose(0, 1)


@pytest.mark.parametrize("other", [None, world.Thing("blue", "square")])
@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_latents_from_geometry_are_those_of_the_picture(
    size: Size, other: world.Thing | None
) -> None:
    attributes = world.Attributes("orange", "star", "spinning", "navy", other)
    scene = world.Scene(attributes, offset=0.4)
    pixels = torch.from_numpy(world.render(scene, size.width, size.height, 8))
    pictures = pixels.permute(0, 3, 1, 2) / 127.5 - 1
    expected = vae.latents_of(pictures)
    torch.testing.assert_close(_latents_of(scene, size), expected, atol=0.02, rtol=0)


@pytest.mark.parametrize("motion", world.MOTIONS)
@pytest.mark.parametrize("size", SIZES, ids=lambda size: size.name)
def test_two_objects_keep_apart_and_are_seen_again(size: Size, motion: str) -> None:
    attributes = world.Attributes("red", "star", motion, "black", world.Thing("cyan", "square"))
    frames = world.render(world.Scene(attributes), size.width, size.height, 8)
    covers = world.layers(world.Scene(attributes), size.width, size.height, 8)
    assert covers.sum(0).max() <= 1.001
    both = measure.measure_things(frames, ("red", "cyan"))
    assert all("" not in shapes for shapes in both)
    wanted = ("star", "square")
    assert all(
        shapes.count(name) >= 5 for shapes, name in zip(both, wanted, strict=True)
    )  # the smallest are a few pixels wide


def _ghosts(frames: Frames, kind: str) -> Frames:
    """Blend each frame with another, or show the object of both."""
    other = np.roll(frames, 1 if kind == "blended" else 3, axis=0).astype(np.float32)
    if kind == "blended":
        return np.rint((frames + other) / 2).astype(np.uint8)
    background = frames[0, 0, 0].astype(np.float32)
    here = np.abs(frames - background).sum(-1) >= np.abs(other - background).sum(-1)
    doubled: Frames = np.where(here[..., None], frames, other).astype(np.uint8)
    return doubled


@pytest.mark.parametrize("kind", ["blended", "doubled"])
def test_ghosts_are_not_steady(kind: str) -> None:
    rng = np.random.default_rng(4)
    steady = []
    # An object that grows hides the smaller one, and a ball that spins is as it was.
    motions = ("moving left", "moving up", "bouncing", "growing")[: 4 if kind == "blended" else 3]
    for motion, shape in product(motions, world.SHAPES):
        color, background = rng.choice(list(world.COLORS)), rng.choice(list(world.BACKGROUNDS))
        attributes = world.Attributes(str(color), shape, motion, str(background))
        frames = world.render(world.draw_scene(rng, attributes), 128, 128, 8)
        seen = measure.measure_clip(_ghosts(frames, kind))
        steady.append(seen is not None and seen.is_steady)
    assert np.mean(steady) <= 0.1


@pytest.mark.parametrize("motion", world.MOTIONS)
def test_a_motion_forgotten_halfway_is_seen(motion: str) -> None:
    rng = np.random.default_rng(5)
    for shape in world.SHAPES:
        attributes = world.Attributes("orange", shape, motion, "gray")
        frames = world.render(world.draw_scene(rng, attributes), 128, 128, 16)
        assert measure.moves_throughout(frames, motion)
        if (motion, shape) != ("spinning", "ball"):
            frames[9:] = frames[8]
            assert not measure.moves_throughout(frames, motion)
