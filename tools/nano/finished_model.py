"""What training on top of the finished nano needs: its own text, and batches of other clips."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from generator.contract.limits import ModelLimits
from generator.model.loading import HotshotModel
from generator.nano import world
from generator.training import step
from tools.nano import clips, unet
from tools.nano.training_stage import StepRng

# Draws the coverage (f, h, w) of a clip that shows these attributes, at a size (width, height).
DrawCoverage = Callable[[np.random.Generator, world.Attributes, tuple[int, int]], world.Floats]

SEED = 0
CAPTIONS = 8_000


def encode_captions(model: HotshotModel) -> clips.CaptionPool:
    """Return a pool of captions, encoded by the model's own encoders."""

    def encode(texts: list[str]) -> tuple[Tensor, Tensor]:
        encoded = model.text.encode(texts)
        return encoded.hidden, encoded.pooled

    return clips.encode_pool(encode, CAPTIONS, SEED)


def draw_clips(
    pool: clips.CaptionPool,
    limits: ModelLimits,
    count: int,
    step_rng: StepRng,
    draw: DrawCoverage,
    *,
    square_share: float,
) -> clips.ClipBatch:
    """Draw ``count`` clips of one size with captions of ``pool``; ``draw`` says what they show."""
    rng = step_rng.numpy
    sizes = limits.sizes
    square = next(size for size in sizes if size.width == size.height)
    size = square if rng.random() < square_share else sizes[int(rng.integers(len(sizes)))]
    chosen = rng.integers(len(pool.attributes), size=count)
    latents = []
    for index in map(int, chosen):
        attributes = clips.fill_unsaid(rng, pool.attributes[index], pool.said[index])
        coverage = draw(rng, attributes, (size.width, size.height))
        geometry = clips.latent_geometry(torch.from_numpy(coverage))
        latents.append(clips.color_latents(geometry, attributes).transpose(0, 1))
    embeds = pool.embeds(rng, torch.from_numpy(chosen))
    time_ids = [clips.draw_time_ids(rng, size) for _ in range(count)]
    return clips.ClipBatch(
        torch.stack(latents), *embeds, torch.tensor(time_ids, dtype=torch.float32)
    )


def batch_of(
    sample: clips.ClipBatch, step_rng: StepRng, *, pure: float = 0.125, middle: float = 0.0
) -> step.Batch:
    """Return a step's batch: the clips with noise, and timesteps as ``unet.draw_timesteps`` has."""
    noise = torch.randn(sample.latents.shape, generator=step_rng.torch)
    timesteps = unet.draw_timesteps(len(sample.latents), step_rng, pure=pure, middle=middle)
    return unet.add_noise(sample, noise, timesteps)
