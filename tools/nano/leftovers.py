"""The decoder's last lesson: what the finished denoiser leaves, and the clip that was meant.

Drawn clips are given noise, and the denoiser goes the end of its way with them, as the pipeline
does it: they are where they were drawn, and their outlines are the denoiser's own, uneven as it
makes them. In these the decoder learns to see what was drawn. What is kept of a clip is how far it
lies from its background to its object's colour, and other colours are put to it each time: from a
few hundred clips in their own colours the decoder learns fringes. Latents stay what they are, so
nothing else of the model has to learn anything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from diffusers import AutoencoderTiny
from einops import rearrange
from torch import Tensor
from tqdm import tqdm

from generator.contract.limits import ModelLimits
from generator.inference.pipeline import HotshotPipeline
from generator.model.loading import HotshotModel
from generator.nano import captions, world
from tools.nano import clips, vae
from tools.nano.gifs import make_request
from tools.nano.machine import CPU
from tools.nano.parts import PartOverError, is_part_over
from tools.nano.step_inputs import StepRng

SEED = 0
CLIPS = 360
PIECE = 24  # clips between two savings
STEPS_LEFT = (2, 3, 4)  # of the sampler's own; more, and a clip goes its own way
DRAWN_SHARE = 0.3  # of batches that are drawn latents with noise, as before
LATENTS_IN_A_STEP = 6 * 16 * 16  # 6 frames of the native size
FRAMES = 8  # of a clip; half as many of a large one
MORE_SPINNING = 0.2  # of clips


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Frames of one size: coverage as the denoiser left it, and as it was drawn."""

    coverage: Tensor  # (n, 2, h/8, w/8), float16: there, and half a latent further
    masks: Tensor  # (n, h, w), uint8
    odds: npt.NDArray[np.float64]  # (n,): small objects, which are hard to see, come more often

    @classmethod
    def of(cls, coverage: Tensor, masks: Tensor) -> Leftovers:
        """Return frames with their odds."""
        areas = (masks > 127).sum((1, 2)).clamp(min=100).double().numpy()
        return cls(coverage, masks, 1 / areas / (1 / areas).sum())

    def batch(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Draw latents (b, 4, h/8, w/8), pictures (b, 3, h, w) in -1..1 and masks (b, 1, h, w)."""
        height, width = self.coverage.shape[-2:]
        count = max(1, LATENTS_IN_A_STEP // (height * width))
        chosen = torch.from_numpy(rng.choice(len(self.odds), count, p=self.odds))
        color, ground = _draw_colors(rng, count, self.coverage.device)
        covered = self.coverage[chosen, None].float()
        latents = clips.color_latents(ground, [(color, covered)])[:, :, 0]
        masks = self.masks[chosen, None].float() / 255
        wide = ground[..., None, None]
        return latents, wide + (color[..., None, None] - wide) * masks, masks


def _draw_colors(rng: np.random.Generator, count: int, device: torch.device) -> tuple[Tensor, ...]:
    """Draw colours of objects and of grounds, each (count, 3); pale pairs come more often."""
    colors, grounds = vae.palettes(device)
    apart = (colors[:, None] - grounds).abs().mean(-1).flatten().double().cpu().numpy()
    drawn = rng.choice(len(apart), count, p=apart**-2.5 / (apart**-2.5).sum())
    object_at, ground_at = np.divmod(drawn, len(grounds))
    return colors[torch.from_numpy(object_at)], grounds[torch.from_numpy(ground_at)]


def coverage_of(latents: Tensor, color: Tensor, ground: Tensor) -> Tensor:
    """Return how far latents (f, 4, h, w) lie from a background (3,) to a colour: (f, 2, h, w)."""
    way = color - ground
    apart = latents[:, :3] / vae.COLOR_SCALE - vae.COLOR_SHIFT - ground[:, None, None]
    covered = torch.einsum("fchw,c->fhw", apart, way) / way.square().sum()
    brightness = (way * torch.tensor(vae.BRIGHTNESS)).sum()
    further = covered + latents[:, 3] / (vae.EDGE_SCALE * brightness)
    return torch.stack([covered, further], dim=1)


def sizes(edge: int) -> dict[tuple[int, int], float]:
    """Return how often clips of each size in pixels are made."""
    return {
        (edge, edge): 0.7,
        (edge * 3 // 2, edge * 5 // 8): 0.1,
        (edge * 5 // 8, edge * 3 // 2): 0.1,
        (2 * edge, 2 * edge): 0.1,
    }


def make(model: HotshotModel, runs: Path, count: int) -> list[Leftovers]:
    """Make clips, or go on from those in ``runs``; return them by size."""
    by_size: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = {}
    for start in tqdm(range(0, count, PIECE), desc="leftovers", unit="piece"):
        if is_part_over():
            raise PartOverError(f"leftovers: {start} of {count} clips are made")
        path = runs / f"leftovers-{start:04d}.pt"
        if not path.exists():
            made = [_clip(model, start + at) for at in range(min(PIECE, count - start))]
            unfinished = path.with_suffix(".tmp")
            torch.save(made, unfinished)
            unfinished.replace(path)
        for coverage, masks in torch.load(path, weights_only=True):
            by_size.setdefault(masks.shape[-2:], []).append((coverage, masks))
    return [
        Leftovers.of(*(torch.cat(parts) for parts in zip(*some, strict=True)))
        for some in by_size.values()
    ]


class LeftoverLoss:
    """The decoder's loss on leftovers, and now and then on drawn latents with noise."""

    def __init__(
        self, autoencoder: AutoencoderTiny, leftovers: list[Leftovers], stills: vae.StillBatches
    ) -> None:
        self._autoencoder, self._leftovers, self._stills = autoencoder, leftovers, stills
        frames = np.array([len(one.masks) for one in leftovers], np.float64)
        self._odds = frames / frames.sum()

    def __call__(self, step: int, step_rng: StepRng) -> Tensor:
        """Return the loss of a step."""
        del step
        rng = step_rng.numpy
        if rng.random() < DRAWN_SHARE:
            return vae.decoder_loss(self._autoencoder, self._stills, step_rng)
        chosen = self._leftovers[int(rng.choice(len(self._odds), p=self._odds))]
        batch = (each.to(step_rng.torch.device) for each in chosen.batch(rng))
        return vae.picture_loss(self._autoencoder, *batch)


def _clip(model: HotshotModel, index: int) -> tuple[Tensor, Tensor]:
    """Return coverage (f, 2, h/8, w/8) as float16, and masks (f, h, w) as uint8."""
    rng = np.random.default_rng([SEED, 8, index])
    limits = ModelLimits.of(model.name)
    every = sizes(limits.native_edge)
    width, height = [*every][int(rng.choice(len(every), p=[*every.values()]))]
    frames = FRAMES if width * height <= limits.native_edge**2 else FRAMES // 2
    scene = world.draw_scene(rng, _draw_attributes(rng))
    left = STEPS_LEFT[int(rng.integers(len(STEPS_LEFT)))]
    request = make_request(
        captions.plain_caption(rng, scene.attributes),
        int(rng.integers(2**31)),
        limits,
        width=width,
        height=height,
        video_length=frames,
        image="drawn",
        image_strength=left / limits.steps,
    )
    latents = HotshotPipeline(model).latents(
        request, report=lambda *_: None, init_image=world.render(scene, width, height, frames)
    )
    left_over = rearrange(latents, "1 c f h w -> f c h w").cpu()
    coverage = coverage_of(left_over, *_colors(scene.attributes))
    masks = np.rint(world.coverage(scene, width, height, frames) * 255).astype(np.uint8)
    return coverage.half(), torch.from_numpy(masks)


def _colors(attributes: world.Attributes) -> tuple[Tensor, Tensor]:
    colors, grounds = vae.palettes(CPU)
    return (
        colors[[*world.COLORS].index(attributes.color)],
        grounds[[*world.BACKGROUNDS].index(attributes.background)],
    )


def _draw_attributes(rng: np.random.Generator) -> world.Attributes:
    """Draw attributes; more that turn, which come out worst."""
    attributes = world.draw_attributes(rng)
    turning = replace(attributes, motion="spinning")
    return turning if rng.random() < MORE_SPINNING and not turning.held_out else attributes
