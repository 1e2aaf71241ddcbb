"""The UNet's loss: what is learnt of small objects."""

from __future__ import annotations

import pytest
import torch

from generator.nano import world
from tools.nano import unet, vae

pytestmark = pytest.mark.slow


def test_a_small_object_counts_more_where_details_are_learnt() -> None:
    scene = world.Scene(world.Attributes("white", "star", "growing", "beige"))
    frames = torch.from_numpy(world.render(scene, 128, 128, 8)).permute(0, 3, 1, 2)
    latents = vae.latents_of(frames / 127.5 - 1).transpose(0, 1)[None]
    weights = unet.even_weights(latents)
    assert weights.shape == (1, 1, 8, 16, 16)
    assert weights[0, 0, :, 0, 0].tolist() == [1.0] * 8  # there is nothing but background
    assert weights[0, 0, 0, 8, 8] > 2
    assert weights[0, 0, -1].max() == 1  # the star is large by then
