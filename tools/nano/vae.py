"""nano's VAE: diffusers' AutoencoderTiny over latents that are given, not found.

Three channels are the picture's colours averaged over each latent's 8 x 8 pixels. The fourth is
the brightness of the square half a latent further, less that of the latent's own: zero where the
picture is flat, it says where edges run. So a colour is the same latent wherever it stands, which
a small denoiser learns fast, and decoding flat art becomes super-resolution. The encoder learns to
give these latents, the decoder to read them through what noise a denoiser leaves over.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from diffusers import AutoencoderTiny
from torch import nn

from generator.nano import world
from tools.nano.machine import mixed_precision
from tools.nano.step_inputs import StepRng

POOL = 4096
LATENT_NOISE = 0.2
COLOR_SHIFT, COLOR_SCALE = 0.18, 1.45  # the world's colours then have mean 0 and variance 1
EDGE_SCALE = 3.0
# The brightness in which every colour differs most from every background.
BRIGHTNESS = (0.12, 0.79, -0.09)


def build() -> AutoencoderTiny:
    """Make an untrained VAE: 8x down to 4 channels, about 0.5 M parameters."""
    return AutoencoderTiny(
        encoder_block_out_channels=(32, 32, 32, 32),
        decoder_block_out_channels=(32, 32, 32, 32),
        num_encoder_blocks=(0, 1, 2, 3),
        num_decoder_blocks=(4, 3, 2, 1),
    )


def latents_of(pictures: torch.Tensor) -> torch.Tensor:
    """Return what the encoder is to give: (b, 3, h, w) in -1..1 -> (b, 4, h/8, w/8)."""
    colors = nn.functional.avg_pool2d(pictures, 8)
    weights = torch.tensor(BRIGHTNESS, device=pictures.device)[:, None, None]
    brightness = (pictures * weights).sum(1, keepdim=True)
    further = nn.functional.pad(brightness, (0, 4, 0, 4), mode="replicate")[..., 4:, 4:]
    edges = nn.functional.avg_pool2d(further, 8) - (colors * weights).sum(1, keepdim=True)
    return torch.cat([(colors + COLOR_SHIFT) * COLOR_SCALE, edges * EDGE_SCALE], dim=1)


class StillBatches:
    """A pool of masks; every batch gives them new colours."""

    def __init__(self, seed: int, device: torch.device, size: int = 64) -> None:
        rng = np.random.default_rng(seed)
        masks = [self._mask(rng, size) for _ in range(POOL)]
        self._masks = torch.from_numpy(np.stack(masks)).to(device)
        self._colors, self._backgrounds = palettes(device)

    def batch(self, count: int, step_rng: StepRng) -> tuple[torch.Tensor, torch.Tensor]:
        """Draw pictures (b, 3, h, w) in -1..1 and how much the object covers (b, 1, h, w)."""
        rng = step_rng.numpy
        masks = self._masks[rng.integers(POOL, size=count)][:, None].float() / 255
        shift = tuple(int(pixels) for pixels in rng.integers(-16, 17, size=2))
        masks = torch.roll(masks, shift, (2, 3))
        color = self._colors[rng.integers(len(self._colors), size=count)][..., None, None]
        background = self._backgrounds[rng.integers(len(self._backgrounds), size=count)]
        background = background[..., None, None]
        return background + (color - background) * masks, masks

    @staticmethod
    def _mask(rng: np.random.Generator, size: int) -> np.ndarray:
        radius = float(rng.uniform(9, 44))
        x, y = (size / 2 + rng.uniform(-0.7, 0.7, size=2) * size).tolist()
        angle = float(rng.uniform(0, 2 * math.pi)) if rng.random() < 0.4 else 0.0
        shape = world.SHAPES[int(rng.integers(len(world.SHAPES)))]
        covered = world.cover(shape, size, size, world.Pose(x, y, radius, angle))
        return np.rint(covered * 255).astype(np.uint8)


def decoder_loss(
    vae: AutoencoderTiny, stills: StillBatches, step_rng: StepRng, batch: int = 32
) -> torch.Tensor:
    """Return the decoder's loss on drawn latents with some noise."""
    pictures, masks = stills.batch(batch, step_rng)
    latents = latents_of(pictures)
    generator, device = step_rng.torch, step_rng.torch.device
    strength = LATENT_NOISE * torch.rand(batch, 1, 1, 1, generator=generator, device=device)
    noise = torch.randn(latents.shape, generator=generator, device=device)
    return picture_loss(vae, latents + strength * noise, pictures, masks)


def picture_loss(
    vae: AutoencoderTiny, latents: torch.Tensor, pictures: torch.Tensor, masks: torch.Tensor
) -> torch.Tensor:
    """Return how far pictures (b, 3, h, w) are from what is decoded of latents.

    An object, which covers (b, 1, h, w) of them, counts with its edge as much as all around it,
    and as much where it is small or pale before its background as where it is neither.
    """
    with mixed_precision(latents.device):
        decoded = vae.decoder(latents.contiguous(memory_format=torch.channels_last)).float()
    near = nn.functional.max_pool2d(masks, 7, stride=1, padding=3)
    off = (decoded - pictures).abs()
    wrong = (off + off.square()).mean(1, keepdim=True)
    along = (wrong * near).sum((1, 2, 3)) / near.sum((1, 2, 3)).clamp(min=1)
    spread = (pictures.amax((2, 3)) - pictures.amin((2, 3))).mean(1)  # 2 of black and white
    each: torch.Tensor = (wrong.mean((1, 2, 3)) + along) / spread.clamp(min=0.1)
    return each.mean()


def encoder_loss(
    vae: AutoencoderTiny, stills: StillBatches, step_rng: StepRng, batch: int = 32
) -> torch.Tensor:
    """Return how far the encoder is from the latents that it is to give."""
    pictures, _ = stills.batch(batch, step_rng)
    with mixed_precision(pictures.device):
        latents = vae.encoder(pictures.contiguous(memory_format=torch.channels_last))
    off: torch.Tensor = latents.float() - latents_of(pictures)
    return off.square().mean()


def palettes(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the world's colours and backgrounds, each (n, 3) in -1..1."""
    return _palette(world.COLORS).to(device), _palette(world.BACKGROUNDS).to(device)


def _palette(colors: dict[str, tuple[int, int, int]]) -> torch.Tensor:
    return torch.tensor(list(colors.values()), dtype=torch.float32) / 127.5 - 1
