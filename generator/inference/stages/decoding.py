"""The stage that makes pictures of latents."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from einops import rearrange
from torch import Tensor

from generator.contract import stages
from generator.contract.progress import ProgressCallback
from generator.inference.overflow import check_finite
from generator.inference.stages.stage import Networks, PipelineState, Stage, needed
from generator.model.latents import LATENT_SCALE, unscale_latents, without_autocast
from generator.model.loading import HotshotModel

AT_ONCE = 512 * 512  # pixels; bounds the VAE's memory, which grows with them


class Decode(Stage):
    """Decodes latents to pictures."""

    name: ClassVar[str] = stages.DECODE
    networks: ClassVar[Networks] = Networks.VAE

    def run(self, state: PipelineState, report: ProgressCallback) -> PipelineState:
        """Fill in ``pictures``; the latents are needed no more."""
        pictures = decode(state.model, needed(state.latents), report)
        return replace(state, pictures=pictures, latents=None)


def decode(model: HotshotModel, latents: Tensor, report: ProgressCallback) -> Tensor:
    """Decode latents (1, 4, f, h/8, w/8) to pictures (f, 3, h, w), nominally from -1 to 1.

    Raises NotFiniteError where the VAE overflows.
    """
    vae = model.vae
    frames = rearrange(unscale_latents(latents, vae.config), "1 c f h w -> f c h w")
    pixels = frames.shape[-1] * frames.shape[-2] * LATENT_SCALE**2
    chunks = torch.split(frames, pictures_at_once(model, pixels))
    pictures: list[Tensor] = []
    for step, chunk in enumerate(chunks, start=1):
        with without_autocast(chunk.device):
            pictures.append(vae.decode(chunk.to(vae.dtype), return_dict=False)[0])
        check_finite(pictures[-1])
        report(stages.DECODE, step, len(chunks))
    return torch.cat(pictures)


def pictures_at_once(model: HotshotModel, pixels: int) -> int:
    """Return how many pictures of so many pixels the VAE is given together."""
    return 1 if model.offloader.low_vram else max(1, AT_ONCE // pixels)
