"""The decoder's last lesson: what the finished denoiser leaves, and the clip that was meant.

Drawn clips are given noise, and the denoiser goes the end of its way with them, as the pipeline
does it: they are where they were drawn, and their outlines are the denoiser's own, uneven as it
makes them. In these the decoder learns to see what was drawn. Latents stay what they are, so
nothing else of the model has to learn anything.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny
from einops import rearrange
from torch import Tensor, nn
from tqdm import tqdm

from generator.contract.limits import ModelLimits
from generator.inference.pipeline import HotshotPipeline
from generator.media.clip import Frames
from generator.model.loading import HotshotModel
from generator.nano import captions, world
from tools.nano import vae
from tools.nano.geometries import SCALE
from tools.nano.gifs import make_request
from tools.nano.machine import mixed_precision
from tools.nano.parts import PartOverError, is_part_over
from tools.nano.step_inputs import StepRng

log = logging.getLogger(__name__)

SEED = 0
CLIPS = 360
PIECE = 24  # clips between two savings
STEPS_LEFT = (2, 3, 4)  # of the sampler's own; more, and a clip goes its own way
DRAWN_SHARE = 0.3  # of batches that are drawn latents with noise, as before
LATENTS_IN_A_STEP = 6 * 16 * 16  # 6 frames of the native size
PAIR_SHARE, MORE_SPINNING = 0.14, 0.2  # of clips
NEAR = 7  # pixels around an object that count more


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Frames of one size as the denoiser left them, and as they were drawn."""

    latents: Tensor  # (n, 4, h/8, w/8), float16
    pictures: Tensor  # (n, 3, h, w), uint8

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Draw latents (b, 4, h/8, w/8) and pictures (b, 3, h, w) in -1..1."""
        height, width = self.latents.shape[-2:]
        count = max(1, LATENTS_IN_A_STEP // (height * width))
        chosen = torch.from_numpy(rng.integers(len(self.latents), size=count))
        return self.latents[chosen].float(), self.pictures[chosen].float() / 127.5 - 1


def sizes(edge: int) -> dict[tuple[int, int], float]:
    """Return how often clips of each size in pixels are made."""
    return {
        (edge, edge): 0.7,
        (edge * 3 // 2, edge * 5 // 8): 0.1,
        (edge * 5 // 8, edge * 3 // 2): 0.1,
        (2 * edge, 2 * edge): 0.1,
    }


def make(model: HotshotModel, runs: Path, clips: int) -> list[Leftovers]:
    """Make clips, or go on from those in ``runs``; return them by size."""
    by_size: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = {}
    for start in tqdm(range(0, clips, PIECE), desc="leftovers", unit="piece"):
        if is_part_over():
            raise PartOverError(f"leftovers: {start} of {clips} clips are made")
        path = runs / f"leftovers-{start:04d}.pt"
        if not path.exists():
            made = [_clip(model, start + at) for at in range(min(PIECE, clips - start))]
            unfinished = path.with_suffix(".tmp")
            torch.save(made, unfinished)
            unfinished.replace(path)
        for latents, pictures in torch.load(path, weights_only=True):
            by_size.setdefault(pictures.shape[-2:], []).append((latents, pictures))
    return [
        Leftovers(*(torch.cat(parts) for parts in zip(*some, strict=True)))
        for some in by_size.values()
    ]


class LeftoverLoss:
    """The decoder's loss on leftovers, and now and then on drawn latents with noise."""

    def __init__(
        self, autoencoder: AutoencoderTiny, leftovers: list[Leftovers], stills: vae.StillBatches
    ) -> None:
        self._autoencoder, self._leftovers, self._stills = autoencoder, leftovers, stills
        frames = np.array([len(one.latents) for one in leftovers], np.float64)
        self._odds = frames / frames.sum()

    def __call__(self, step: int, step_rng: StepRng) -> Tensor:
        """Return the loss; pixels count more on the object and along its edge."""
        del step
        rng = step_rng.numpy
        if rng.random() < DRAWN_SHARE:
            return vae.decoder_loss(self._autoencoder, self._stills, step_rng)
        chosen = self._leftovers[int(rng.choice(len(self._odds), p=self._odds))]
        latents, pictures = chosen.batch(rng)
        with mixed_precision(latents.device):
            channels_last = latents.contiguous(memory_format=torch.channels_last)
            decoded = self._autoencoder.decoder(channels_last).float()
        apart = (pictures - pictures[:, :, :1, :1]).abs().amax(1, keepdim=True).clamp(max=1)
        near = nn.functional.max_pool2d(apart, NEAR, stride=1, padding=NEAR // 2)
        off = decoded - pictures
        weighted: Tensor = (off.abs() + off.square()) * (1 + vae.EDGE_WEIGHT * near)
        return weighted.mean()


def _clip(model: HotshotModel, index: int) -> tuple[Tensor, Tensor]:
    """Return latents (f, 4, h/8, w/8) as float16 and pictures (f, 3, h, w) as uint8."""
    rng = np.random.default_rng([SEED, 8, index])
    limits = ModelLimits.of(model.name)
    every = sizes(limits.native_edge)
    width, height = [*every][int(rng.choice(len(every), p=[*every.values()]))]
    attributes = _draw_attributes(rng)
    drawn = _draw(rng, attributes, width, height)
    left = STEPS_LEFT[int(rng.integers(len(STEPS_LEFT)))]
    request = make_request(
        captions.caption(rng, attributes, captions.Said()),
        int(rng.integers(2**31)),
        limits,
        width=width,
        height=height,
        video_length=len(drawn),
        image="drawn",
        image_strength=left / limits.steps,
    )
    pipeline = HotshotPipeline(model)
    latents = pipeline.latents(request, report=lambda *_: None, init_image=drawn)
    pictures = rearrange(torch.from_numpy(drawn), "f h w c -> f c h w").contiguous()
    return rearrange(latents, "1 c f h w -> f c h w").half().contiguous(), pictures


def _draw_attributes(rng: np.random.Generator) -> world.Attributes:
    """Draw one object or two; more of those that turn, which come out worst."""
    chance = rng.random()
    attributes = world.draw_pair(rng) if chance < PAIR_SHARE else world.draw_attributes(rng)
    turning = replace(attributes, motion="spinning")
    is_turned = chance > 1 - MORE_SPINNING and not turning.held_out
    return turning if is_turned else attributes


def _draw(
    rng: np.random.Generator, attributes: world.Attributes, width: int, height: int
) -> Frames:
    frames = 8 if width * height <= (16 * SCALE) ** 2 else 4
    return world.render(world.draw_scene(rng, attributes), width, height, frames)


def describe(leftovers: list[Leftovers]) -> Iterator[str]:
    """Yield how many frames of each size there are."""
    for one in leftovers:
        height, width = one.pictures.shape[-2:]
        yield f"{len(one.latents)} frames of {width} x {height}"
