"""The stage that makes pictures of latents."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import torch
from einops import rearrange
from torch import Tensor

from generator.contract import stages
from generator.contract.bounds import MAX_FRAMES
from generator.contract.errors import is_out_of_memory
from generator.contract.progress import ProgressCallback
from generator.contract.windows import frames_at_once
from generator.inference.overflow import check_finite
from generator.inference.stages.stage import Networks, PipelineState, Stage, needed
from generator.model import devices
from generator.model.latents import LATENT_SCALE, unscale_latents, without_autocast
from generator.model.loading import HotshotModel

logger = logging.getLogger(__name__)

AT_ONCE = 512 * 512  # pixels on a CPU; bounds the VAE's memory, which grows with them
# Of a picture's own size and the widest layers' channels, this many are there at a time.
_LIVE_TENSORS = 6


class Decode(Stage):
    """Decodes latents to pictures."""

    name: ClassVar[str] = stages.DECODE
    networks: ClassVar[Networks] = Networks.VAE

    def run(self, state: PipelineState, report: ProgressCallback) -> PipelineState:
        """Fill in ``pictures``, of the frames that aren't kept; the latents are needed no more."""
        most, kept = frames_at_once(state.request), state.request.kept_frames
        latents = needed(state.latents)[:, :, kept:]
        *_, frames, height, width = latents.shape
        # Made before its parts, which would otherwise lie amidst the memory that the VAE takes and
        # gives back, so that each time it had to take other.
        size = LATENT_SCALE * height, LATENT_SCALE * width
        pictures = torch.empty((frames, 3, *size), dtype=torch.uint8, device=latents.device)
        done = 0
        for levels in map(to_levels, decode(state.model, latents, report, most)):
            pictures[done : done + len(levels)] = levels
            done += len(levels)
        return replace(state, pictures=pictures, latents=None)


def to_levels(pictures: Tensor) -> Tensor:
    """Turn pictures from -1 to 1 into levels from 0 to 255, rounded, uint8."""
    return ((pictures.float() / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8)


def decode(
    model: HotshotModel, latents: Tensor, report: ProgressCallback, most: int = MAX_FRAMES
) -> Iterator[Tensor]:
    """Decode latents (1, 4, f, h/8, w/8) to pictures (n, 3, h, w), nominally from -1 to 1.

    At ``most`` so many are decoded and yielded at a time: a long clip needs no more memory than its
    window. Where memory runs out, fewer pictures are decoded together, down to one; only then is it
    the device's own error. Raises NotFiniteError where the VAE overflows.
    """
    frames = rearrange(unscale_latents(latents, model.vae.config), "1 c f h w -> f c h w")
    pixels = frames.shape[-1] * frames.shape[-2] * LATENT_SCALE**2
    at_once = min(len(frames), most, pictures_at_once(model, pixels))
    parts = 0
    while len(frames):
        decoded = _decoded(model.vae, frames[:at_once])
        if decoded is None:
            at_once = (at_once + 1) // 2
            logger.info("There is too little memory; decoding %d at once.", at_once)
            continue
        check_finite(decoded)
        yield decoded
        del decoded  # the next part needs its memory
        parts += 1
        frames = frames[at_once:]
        left = -(-len(frames) // at_once)
        report(stages.DECODE, parts, parts + left)


def _decoded(vae: Any, frames: Tensor) -> Tensor | None:
    """Return the pictures of latents (f, 4, h/8, w/8); None where fewer might still fit."""
    try:
        with without_autocast(frames.device):
            decoded: Tensor = vae.decode(frames.to(vae.dtype), return_dict=False)[0]
    except (MemoryError, OSError, RuntimeError) as error:
        if len(frames) == 1 or not is_out_of_memory(error):
            raise
    else:
        return decoded
    if frames.device.type == "cuda":
        torch.cuda.empty_cache()
    return None


def pictures_at_once(model: HotshotModel, pixels: int) -> int:
    """Return how many pictures of so many pixels the VAE is given together.

    On a GPU as many as there is memory for. A CPU is no sooner done with several large ones than
    with one after the other, so there the memory is left alone.
    """
    if model.offloader.low_vram:
        return 1
    if model.device.type == "cuda":
        return pictures_that_fit(model.vae, pixels, devices.free_bytes(model.device))
    return max(1, AT_ONCE // pixels)


def pictures_that_fit(vae: Any, pixels: int, free_bytes: int) -> int:
    """Return how many pictures a VAE can decode in so much memory, and be far from its end."""
    config = vae.config
    channels = (config.get("decoder_block_out_channels") or config.block_out_channels)[:2]
    a_picture = pixels * max(channels) * vae.dtype.itemsize * _LIVE_TENSORS
    return max(1, int(free_bytes // 2 // a_picture))
