"""What nano's UNet is trained on: latents of drawn clips with encoded captions, made on the fly.

Latents are linear in the picture, so only the geometry is kept (how much of each latent's square
the object covers); any colours can be put to it afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from generator.contract.limits import ModelLimits, Size
from generator.nano import captions, world
from tools.nano import vae
from tools.nano.text import TextEncoders, Tokenizers, tokenize
from tools.nano.training_stage import StepRng

FRAMES = 8
MOMENTS = 43  # drawn of each path; clips of other lengths are taken from these, 8 frames exactly
GEOMETRIES = 15  # per shape and motion in a square; other sizes have a third of it
EMPTY_SHARE, ZERO_SHARE = 0.05, 0.1
ORIGINAL_SIZES = ((1920, 1080), (1920, 1080), (1024, 1024), (512, 512), (128, 128), (1280, 720))

# Texts -> hidden states (b, 77, d) and pooled text (b, p).
Encode = Callable[[list[str]], tuple[torch.Tensor, torch.Tensor]]
Geometries = dict[tuple[str, str], torch.Tensor]  # by shape and motion: (n, MOMENTS, 2, h/8, w/8)


@dataclass(frozen=True, slots=True)
class CaptionPool:
    """A pool of encoded captions: embeddings (n, 77, d) and (n, p), as float16."""

    attributes: Sequence[world.Attributes]
    said: Sequence[captions.Said]
    prompt_embeds: torch.Tensor
    text_embeds: torch.Tensor
    empty_prompt_embeds: torch.Tensor  # (77, d)
    empty_text_embeds: torch.Tensor  # (p,)

    def embeds(
        self, rng: np.random.Generator, chosen: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the embeddings chosen, some dropped: to zeros, or to those of an empty prompt."""
        prompt_embeds = self.prompt_embeds[chosen].float()
        text_embeds = self.text_embeds[chosen].float()
        dropped = torch.from_numpy(rng.random(len(chosen)))
        zero = dropped < ZERO_SHARE
        empty = ~zero & (dropped < ZERO_SHARE + EMPTY_SHARE)
        prompt_embeds[zero], text_embeds[zero] = 0, 0
        prompt_embeds[empty] = self.empty_prompt_embeds.float()
        text_embeds[empty] = self.empty_text_embeds.float()
        return prompt_embeds, text_embeds


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """A batch of clips with their conditions, without noise."""

    latents: torch.Tensor  # (b, 4, f, h, w)
    prompt_embeds: torch.Tensor  # (b, 77, d)
    text_embeds: torch.Tensor  # (b, p)
    time_ids: torch.Tensor  # (b, 6)


class ClipBatches:
    """Draws batches; every clip has a caption that is true of it."""

    def __init__(self, text: CaptionPool, limits: ModelLimits, seed: int) -> None:
        self._text = text
        self._sizes = limits.sizes
        self._square = next(size for size in limits.sizes if size.width == size.height)
        rng = np.random.default_rng([seed, 3])
        self._geometries = {
            size: _draw_geometries(
                rng, size, GEOMETRIES if size == self._square else GEOMETRIES // 3
            )
            for size in self._sizes
        }
        self._means = {
            size: {scene: pool.float().mean(0) for scene, pool in pools.items()}
            for size, pools in self._geometries.items()
        }

    def batch(
        self,
        count: int,
        step_rng: StepRng,
        *,
        frames: int = FRAMES,
        means: torch.Tensor | None = None,
    ) -> ClipBatch:
        """Draw clips of one size: mostly squares, the other aspect ratios now and then.

        Where ``means`` (b,) is true, a clip is the mean of all that its attributes allow: what is
        best predicted from pure noise, and learnt much sooner than from one clip at a time.
        """
        rng = step_rng.numpy
        size = self._square
        if rng.random() < 0.3:
            size = self._sizes[int(rng.integers(len(self._sizes)))]
        chosen = rng.integers(len(self._text.attributes), size=count)
        blurred = [False] * count if means is None else means.tolist()
        latents = torch.stack(
            [
                self._latents(rng, int(index), size, frames, mean=mean)
                for index, mean in zip(chosen, blurred, strict=True)
            ]
        )
        prompt_embeds, text_embeds = self._text.embeds(rng, torch.from_numpy(chosen))
        time_ids = torch.tensor(
            [draw_time_ids(rng, size) for _ in range(count)], dtype=torch.float32
        )
        return ClipBatch(latents, prompt_embeds, text_embeds, time_ids)

    def _latents(
        self, rng: np.random.Generator, index: int, size: Size, frames: int, *, mean: bool
    ) -> torch.Tensor:
        attributes = fill_unsaid(rng, self._text.attributes[index], self._text.said[index])
        pool = self._geometries[size][attributes.shape, attributes.motion]
        path = pool[int(rng.integers(len(pool)))]
        if mean:
            path = self._means[size][attributes.shape, attributes.motion]
        moments = np.rint(np.linspace(0, MOMENTS - 1, frames)).astype(int)
        clip = path[torch.from_numpy(moments)].float()
        return color_latents(clip, attributes).transpose(0, 1)


def color_latents(geometry: torch.Tensor, attributes: world.Attributes) -> torch.Tensor:
    """Return latents (f, 4, h, w) of coverage (f, 2, h, w): there, and half a latent further."""
    color = torch.tensor(world.COLORS[attributes.color]) / 127.5 - 1
    background = torch.tensor(world.BACKGROUNDS[attributes.background]) / 127.5 - 1
    contrast = (color - background)[:, None, None]
    covered, further = geometry[:, :1], geometry[:, 1:]
    colors = background[:, None, None] + contrast * covered
    weight = (contrast * torch.tensor(vae.BRIGHTNESS)[:, None, None]).sum()
    edges = weight * (further - covered) * vae.EDGE_SCALE
    return torch.cat([(colors + vae.COLOR_SHIFT) * vae.COLOR_SCALE, edges], dim=1)


def latent_geometry(coverage: torch.Tensor) -> torch.Tensor:
    """Return (f, 2, h/8, w/8), what ``color_latents`` takes, of pixels' coverage (f, h, w)."""
    further = nn.functional.pad(coverage[:, None], (0, 4, 0, 4), mode="replicate")[..., 4:, 4:]
    both = torch.cat([coverage[:, None], further], dim=1)
    return nn.functional.avg_pool2d(both, 8)


def encode_captions(
    encoders: TextEncoders,
    tokenizers: Tokenizers,
    count: int,
    seed: int,
) -> CaptionPool:
    """Return a pool of captions over the combinations that training sees."""
    return encode_pool(
        lambda texts: encoders(*(tokenize(tokenizer, texts) for tokenizer in tokenizers)),
        count,
        seed,
    )


@torch.no_grad()
def encode_pool(encode: Encode, count: int, seed: int) -> CaptionPool:
    """Return a pool of captions, encoded by any encoder of texts."""
    rng = np.random.default_rng([seed, 4])
    drawn = [captions.draw_caption(rng) for _ in range(count)]
    texts = ["", *(text for text, _, _ in drawn)]
    hidden, pooled = [], []
    for start in range(0, len(texts), 256):
        embeds, text_embeds = encode(texts[start : start + 256])
        hidden.append(embeds.half())
        pooled.append(text_embeds.half())
    prompt_embeds, text_embeds = torch.cat(hidden), torch.cat(pooled)
    return CaptionPool(
        [attributes for _, attributes, _ in drawn],
        [said for _, _, said in drawn],
        prompt_embeds[1:],
        text_embeds[1:],
        prompt_embeds[0],
        text_embeds[0],
    )


def _draw_geometries(rng: np.random.Generator, size: Size, count: int) -> Geometries:
    some = (next(iter(world.COLORS)), next(iter(world.BACKGROUNDS)))
    pools: Geometries = {}
    for shape in world.SHAPES:
        for motion in world.MOTIONS:
            attributes = world.Attributes(some[0], shape, motion, some[1])
            scenes = [world.draw_scene(rng, attributes) for _ in range(count)]
            covered = [world.coverage(scene, size.width, size.height, MOMENTS) for scene in scenes]
            pools[shape, motion] = torch.stack(
                [latent_geometry(torch.from_numpy(pixels)).half() for pixels in covered]
            )
    return pools


def fill_unsaid(
    rng: np.random.Generator, attributes: world.Attributes, said: captions.Said
) -> world.Attributes:
    """Draw anew what a caption leaves unsaid, never to a combination held out."""
    while True:
        other = world.draw_attributes(rng)
        mixed = world.Attributes(
            color=attributes.color if said.color else other.color,
            shape=attributes.shape if said.shape else other.shape,
            motion=attributes.motion if said.motion else other.motion,
            background=attributes.background if said.background else other.background,
        )
        if not mixed.held_out:
            return mixed


def draw_time_ids(rng: np.random.Generator, size: Size) -> list[int]:
    """Draw original size, crop and target size, each (width, height), as the pipeline has them."""
    original = ORIGINAL_SIZES[int(rng.integers(len(ORIGINAL_SIZES)))]
    target = (512, 512) if rng.random() < 0.5 else (size.width, size.height)
    return [*original, 0, 0, *target]
