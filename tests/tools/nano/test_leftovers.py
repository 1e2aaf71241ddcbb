"""The decoder's last lesson: what is kept of a clip takes on any colours."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from generator.nano import world
from tools.nano import leftovers, vae
from tools.nano.geometries import latent_geometry

pytestmark = pytest.mark.slow


def _latents(frames: np.ndarray) -> torch.Tensor:
    return vae.latents_of(torch.from_numpy(frames).permute(0, 3, 1, 2) / 127.5 - 1)


def test_coverage_is_read_from_latents_whatever_the_colors() -> None:
    rng = np.random.default_rng(0)
    for color in world.COLORS:
        for background in world.BACKGROUNDS:
            scene = world.draw_scene(rng, world.Attributes(color, "star", "spinning", background))
            colors = leftovers._colors(scene.attributes)
            seen = leftovers.coverage_of(_latents(world.render(scene, 64, 96, 2)), *colors)
            drawn = latent_geometry(world.coverage(scene, 64, 96, 2))
            torch.testing.assert_close(seen, torch.from_numpy(drawn), atol=0.03, rtol=0)


def test_a_batch_shows_what_was_drawn_in_other_colors() -> None:
    scene = world.Scene(world.Attributes("red", "square", "growing", "beige"))
    covered = world.coverage(scene, 64, 64, 2)
    geometry = torch.from_numpy(latent_geometry(covered)).half()
    masks = torch.from_numpy(np.rint(covered * 255).astype(np.uint8))
    latents, pictures, shown = leftovers.Leftovers.of(geometry, masks).batch(
        np.random.default_rng(1)
    )
    assert latents.shape[1:] == (4, 8, 8)
    assert shown.shape[1:] == (1, 64, 64)
    assert len({tuple(one.tolist()) for one in pictures[:, :, 0, 0]}) > 1
    torch.testing.assert_close(latents, vae.latents_of(pictures), atol=0.02, rtol=0)
