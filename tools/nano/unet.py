"""nano's UNet: its config in the published form, its noise schedule, and its losses.

The schedule ends in pure noise and velocity is predicted (Lin et al., "Common Diffusion Noise
Schedules and Sample Steps are Flawed", 2023): in flat pictures the mean colour would otherwise show
through the noise of the last timestep, and the text would never be learnt. Its betas rise further
than SDXL's, because a few hundred latents of one colour show it through far more noise than a
photograph's do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import DDPMScheduler

from generator.model.unet import HotshotUNet
from generator.training import step
from tools.nano.clips import CHANCES, ClipBatch, ClipTables
from tools.nano.geometries import SCALE, Bucket
from tools.nano.machine import mixed_precision
from tools.nano.step_inputs import RandomInputs

SCHEDULER_CONFIG: dict[str, Any] = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_end": 0.025,
    "clip_sample": False,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "num_train_timesteps": 1000,
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    "steps_offset": 0,
    "use_karras_sigmas": False,
}

PURE = 999  # the timestep at which nothing but noise is left
MIDDLE = (300, 900)
TIME_CHANCES = 3  # random numbers that a clip's timestep takes


def config() -> dict[str, Any]:
    """Return the published ``unet/config.json``: SDXL's shape, a tenth of its width."""
    return {
        "_class_name": "UNet3DConditionModel",
        "act_fn": "silu",
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 16,
        "attention_head_dim": [2, 4, 8],
        "block_out_channels": [32, 64, 128],
        "center_input_sample": False,
        "cross_attention_dim": 160,
        "down_block_types": ["DownBlock3D", "CrossAttnDownBlock3D", "CrossAttnDownBlock3D"],
        "downsample_padding": 1,
        "flip_sin_to_cos": True,
        "freq_shift": 0,
        "in_channels": 4,
        "layers_per_block": 1,
        "mid_block_scale_factor": 1,
        "mid_block_type": "UNetMidBlock3DCrossAttn",
        "norm_eps": 1e-5,
        "norm_num_groups": 8,
        "out_channels": 4,
        "projection_class_embeddings_input_dim": 6 * 16 + 96,
        "resnet_time_scale_shift": "default",
        "sample_size": 16,
        "time_embedding_type": "positional",
        "transformer_layers_per_block": [1, 1, 1],
        "up_block_types": ["CrossAttnUpBlock3D", "CrossAttnUpBlock3D", "UpBlock3D"],
        "upcast_attention": False,
        "use_linear_projection": True,
    }


def noise_schedule() -> DDPMScheduler:
    """Return the noise schedule as training uses it."""
    names = ("beta_start", "beta_end", "beta_schedule", "prediction_type", "rescale_betas_zero_snr")
    return DDPMScheduler(**{name: SCHEDULER_CONFIG[name] for name in names}, clip_sample=False)


@dataclass
class ClipLoss:
    """The UNet's loss on batches of clips: a ``BucketLoss``.

    ``weights`` say how often each bucket is drawn, ``latents`` how many latents a step may hold.
    """

    network: HotshotUNet
    schedule: DDPMScheduler
    tables: ClipTables
    weights: Mapping[Bucket, float]
    latents: int
    pure: float = 0.125
    middle: float = 0.0

    def choose(self, step: int, rng: np.random.Generator) -> Bucket:
        del step
        odds = np.array(list(self.weights.values()))
        return list(self.weights)[int(rng.choice(len(odds), p=odds / odds.sum()))]

    def make_inputs(self, bucket: Bucket) -> RandomInputs:
        count = max(1, self.latents // bucket.latents)
        device = self.tables.device
        shape = (4, bucket.frames, bucket.height // SCALE, bucket.width // SCALE)
        return RandomInputs(
            torch.empty(count, CHANCES + TIME_CHANCES, device=device),
            torch.empty(count, *shape, device=device),
        )

    def __call__(self, bucket: Bucket, inputs: RandomInputs) -> torch.Tensor:
        batch = self.batch(bucket, inputs)
        with mixed_precision(inputs.even.device):
            prediction = step.predict(self.network, self.schedule, batch)
        return step.loss(prediction, self.schedule, batch)

    def batch(self, bucket: Bucket, inputs: RandomInputs, *, with_means: bool = True) -> step.Batch:
        """Return a step's batch: clips with noise, some of them pure noise.

        ``with_means`` says whether these are of what all such clips have in common.
        """
        clips, times = inputs.even[:, :CHANCES], inputs.even[:, CHANCES:]
        timesteps = draw_timesteps(times, pure=self.pure, middle=self.middle)
        means = timesteps == PURE if with_means else None
        sample = self.tables.batch(bucket, clips, means)
        return add_noise(sample, inputs.normal, timesteps)


def add_noise(sample: ClipBatch, noise: torch.Tensor, timesteps: torch.Tensor) -> step.Batch:
    """Return a step's batch: clips with noise (b, 4, f, h, w) and timesteps (b,)."""
    return step.Batch(
        latents=sample.latents,
        noise=noise,
        timesteps=timesteps,
        prompt_embeds=sample.prompt_embeds,
        text_embeds=sample.text_embeds,
        time_ids=sample.time_ids,
    )


def draw_timesteps(
    chances: torch.Tensor, *, pure: float = 0.125, middle: float = 0.0
) -> torch.Tensor:
    """Return timesteps (b,) evenly over the schedule, but for two shares.

    ``middle`` of them lie where outlines are decided, and ``pure`` are the pure noise at the end.
    ``chances`` (b, TIME_CHANCES) are even random numbers from 0 to 1.
    """
    count = len(chances)
    even = (torch.arange(count, device=chances.device) / count + chances[0, 0]) % 1
    low, high = MIDDLE
    is_middle = chances[:, 1] < middle
    drawn = torch.where(is_middle, low + (high - low) * even, 1000 * even).long().clamp(max=PURE)
    return torch.where(chances[:, 2] < pure, PURE, drawn)
