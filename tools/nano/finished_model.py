"""What may be learnt on top of the finished nano: its own text, and batches of other clips."""

from __future__ import annotations

import torch
from torch import Tensor

from generator.model.loading import HotshotModel
from generator.training import step
from tools.nano import clips, unet
from tools.nano.training_stage import StepRng

SEED = 0
CAPTIONS = 8_000


def encode_captions(model: HotshotModel) -> clips.CaptionPool:
    """A pool of captions, by the model's own encoders."""

    def encode(texts: list[str]) -> tuple[Tensor, Tensor]:
        encoded = model.text.encode(texts)
        return encoded.hidden, encoded.pooled

    return clips.encode_pool(encode, CAPTIONS, SEED)


def batch_of(
    sample: clips.ClipBatch, step_rng: StepRng, *, pure: float = 0.125, middle: float = 0.0
) -> step.Batch:
    """The same clips with noise and timesteps, drawn as ``unet.draw_timesteps`` does."""
    return step.Batch(
        latents=sample.latents,
        noise=torch.randn(sample.latents.shape, generator=step_rng.torch),
        timesteps=unet.draw_timesteps(len(sample.latents), step_rng, pure=pure, middle=middle),
        prompt_embeds=sample.prompt_embeds,
        text_embeds=sample.text_embeds,
        time_ids=sample.time_ids,
    )
