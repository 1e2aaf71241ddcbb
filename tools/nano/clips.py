"""What nano's UNet is trained on: latents of drawn clips with encoded captions.

Everything that a step needs lies in tables on the training's device, and a batch is put together
there from a few random numbers: a GPU never waits, and may replay a whole step as one CUDA graph.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from generator.nano import captions, world
from tools.nano import vae
from tools.nano.geometries import Bucket, Halfs
from tools.nano.text import TextEncoders, Tokenizers, tokenize

FRAMES = 8
FILLS = 12  # ways in which what a caption leaves open is filled
EMPTY_SHARE, ZERO_SHARE = 0.05, 0.1
CHANCES = 8  # random numbers that a clip's drawing takes
DROPS = 4  # which of them says whether its caption is dropped
ORIGINAL_SIZES = ((1920, 1080), (1920, 1080), (1024, 1024), (512, 512), (128, 128), (1280, 720))

# Texts -> hidden states (b, 77, d) and pooled text (b, p).
Encode = Callable[[list[str]], tuple[Tensor, Tensor]]


@dataclass(frozen=True, slots=True)
class CaptionPool:
    """A pool of encoded captions: embeddings (n, 77, d) and (n, p), as float16."""

    attributes: Sequence[world.Attributes]
    said: Sequence[captions.Said]
    prompt_embeds: Tensor
    text_embeds: Tensor
    empty_prompt_embeds: Tensor  # (77, d)
    empty_text_embeds: Tensor  # (p,)

    def to(self, device: torch.device) -> CaptionPool:
        """Return the pool with its embeddings on a device."""
        return replace(
            self,
            prompt_embeds=self.prompt_embeds.to(device),
            text_embeds=self.text_embeds.to(device),
            empty_prompt_embeds=self.empty_prompt_embeds.to(device),
            empty_text_embeds=self.empty_text_embeds.to(device),
        )

    def of_one_object(self) -> CaptionPool:
        """Return the captions that speak of one object alone."""
        kept = [index for index, one in enumerate(self.attributes) if one.other is None]
        return replace(
            self,
            attributes=[self.attributes[index] for index in kept],
            said=[self.said[index] for index in kept],
            prompt_embeds=self.prompt_embeds[kept],
            text_embeds=self.text_embeds[kept],
        )

    def embeds(self, chosen: Tensor, dropped: Tensor) -> tuple[Tensor, Tensor]:
        """Return the embeddings chosen (b,), some dropped: to zeros, or to an empty prompt's.

        ``dropped`` (b,) are even random numbers from 0 to 1.
        """
        zero = dropped < ZERO_SHARE
        empty = ~zero & (dropped < ZERO_SHARE + EMPTY_SHARE)
        prompt_embeds, text_embeds = self.prompt_embeds[chosen], self.text_embeds[chosen]
        prompt_embeds = torch.where(empty[:, None, None], self.empty_prompt_embeds, prompt_embeds)
        text_embeds = torch.where(empty[:, None], self.empty_text_embeds, text_embeds)
        kept = ~zero
        return prompt_embeds.float() * kept[:, None, None], text_embeds.float() * kept[:, None]


@dataclass(frozen=True, slots=True)
class ClipBatch:
    """A batch of clips with their conditions, without noise."""

    latents: Tensor  # (b, 4, f, h, w)
    prompt_embeds: Tensor  # (b, 77, d)
    text_embeds: Tensor  # (b, p)
    time_ids: Tensor  # (b, 6)


class ClipTables:
    """Draws batches of a bucket from tables; every clip has a caption that is true of it."""

    def __init__(self, text: CaptionPool, seed: int, device: torch.device) -> None:
        self.device = device
        self._text = text.to(device)
        rng = np.random.default_rng([seed, 5])
        pairs = zip(text.attributes, text.said, strict=True)
        fills = [[_indices(fill_unsaid(rng, *pair)) for _ in range(FILLS)] for pair in pairs]
        self._fills = torch.tensor(fills, device=device)  # (n, FILLS, 7)
        self._colors = _palette(world.COLORS, device)
        self._backgrounds = _palette(world.BACKGROUNDS, device)
        self._originals = torch.tensor(ORIGINAL_SIZES, dtype=torch.float32, device=device)
        self._geometries: dict[Bucket, Tensor] = {}
        self._means: dict[Bucket, Tensor] = {}

    def has(self, bucket: Bucket) -> bool:
        """Return whether a bucket's clips are there."""
        return bucket in self._geometries

    def add(self, bucket: Bucket, geometries: Halfs) -> None:
        """Take a bucket's drawn clips (slots, shapes, motions, variants, f, 2, h, w)."""
        self._geometries[bucket] = torch.from_numpy(geometries).to(self.device)
        self._means[bucket] = self._geometries[bucket].float().mean(3)

    def batch(self, bucket: Bucket, chances: Tensor, means: Tensor | None = None) -> ClipBatch:
        """Put clips together from even random numbers ``chances`` (b, CHANCES).

        Where ``means`` (b,) is true, a clip is the mean of all that its attributes allow: what is
        best predicted from pure noise, and learnt much sooner than from one clip at a time.
        """
        shown = self.shown(chances)
        color, shape, motion, background, other_color, other_shape, is_pair = shown.unbind(1)
        first = self._covered(bucket, (is_pair, shape, motion), chances[:, 2], means)
        second = self._covered(bucket, (2 * is_pair, other_shape, motion), chances[:, 3], means)
        ground = self._backgrounds[background]
        latents = color_latents(
            ground,
            [
                (self._colors[color], first),
                (self._colors[other_color], second * is_pair[:, None, None, None, None]),
            ],
        )
        prompt_embeds, text_embeds = self._text.embeds(self._chosen(chances), chances[:, DROPS])
        return ClipBatch(latents, prompt_embeds, text_embeds, self._time_ids(bucket, chances))

    def shown(self, chances: Tensor) -> Tensor:
        """Return what the clips show (b, 7), as ``_indices`` says it."""
        return self._fills[self._chosen(chances), index_of(chances[:, 1], FILLS)]

    def _chosen(self, chances: Tensor) -> Tensor:
        return index_of(chances[:, 0], len(self._fills))

    def _covered(
        self,
        bucket: Bucket,
        scene: tuple[Tensor, Tensor, Tensor],
        chance: Tensor,
        means: Tensor | None,
    ) -> Tensor:
        """Return coverage (b, f, 2, h, w) of a ``scene``: slot, shape and motion."""
        pool = self._geometries[bucket]
        covered = pool[*scene, index_of(chance, pool.shape[3])].float()
        if means is None:
            return covered
        mean = self._means[bucket][scene]
        return torch.where(means[:, None, None, None, None], mean, covered)

    def _time_ids(self, bucket: Bucket, chances: Tensor) -> Tensor:
        """Return original size, crop and target size, each (width, height), as the pipeline has."""
        original = self._originals[index_of(chances[:, 5], len(ORIGINAL_SIZES))]
        plain = (chances[:, 6] < 0.5).float()[:, None]
        ones = torch.ones_like(plain)
        target = torch.cat(
            [
                512 * plain + bucket.width * (1 - plain),
                512 * plain + bucket.height * (1 - plain),
            ],
            dim=1,
        )
        return torch.cat([original, 0 * ones, 0 * ones, target], dim=1)


def color_latents(background: Tensor, objects: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Return latents (b, 4, f, h, w) of a background (b, 3) and objects: (b, 3), (b, f, 2, h, w).

    Colours are from -1 to 1; coverage is there, and half a latent further.
    """
    frames, _, height, width = objects[0][1].shape[1:]
    colors = background[:, :, None, None, None].expand(-1, -1, frames, height, width)
    edges = torch.zeros_like(colors[:, :1])
    for color, geometry in objects:
        contrast = (color - background)[:, :, None, None, None]
        covered, further = geometry.transpose(1, 2).chunk(2, dim=1)
        colors = colors + contrast * covered
        # Weighed one by one: a new tensor of weights would have to wait for the device.
        weight = sum(contrast[:, i : i + 1] * share for i, share in enumerate(vae.BRIGHTNESS))
        edges = edges + weight * (further - covered) * vae.EDGE_SCALE
    return torch.cat([(colors + vae.COLOR_SHIFT) * vae.COLOR_SCALE, edges], dim=1)


def encode_captions(
    encoders: TextEncoders, tokenizers: Tokenizers, count: int, seed: int, device: torch.device
) -> CaptionPool:
    """Return a pool of captions over the combinations that training sees."""
    return encode_pool(
        lambda texts: encoders(
            *(tokenize(tokenizer, texts).to(device) for tokenizer in tokenizers)
        ),
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


def fill_unsaid(
    rng: np.random.Generator, attributes: world.Attributes, said: captions.Said
) -> world.Attributes:
    """Draw anew what a caption leaves unsaid, never to a combination held out."""
    while True:
        other = world.draw_attributes(rng)
        mixed = replace(
            attributes,
            color=attributes.color if said.color else other.color,
            shape=attributes.shape if said.shape else other.shape,
            motion=attributes.motion if said.motion else other.motion,
            background=attributes.background if said.background else other.background,
        )
        if not mixed.held_out and said.allows(mixed):
            return mixed


def index_of(chance: Tensor, count: int) -> Tensor:
    """Return whole numbers below ``count`` for even random numbers from 0 to 1."""
    return (chance * count).long().clamp(max=count - 1)


def _indices(attributes: world.Attributes) -> list[int]:
    """Return colour, shape, motion, background, the other's colour and shape, and if it's there."""
    other = attributes.other or world.Thing(attributes.color, attributes.shape)
    return [
        list(world.COLORS).index(attributes.color),
        world.SHAPES.index(attributes.shape),
        world.MOTIONS.index(attributes.motion),
        list(world.BACKGROUNDS).index(attributes.background),
        list(world.COLORS).index(other.color),
        world.SHAPES.index(other.shape),
        int(attributes.other is not None),
    ]


def _palette(colors: dict[str, tuple[int, int, int]], device: torch.device) -> Tensor:
    return torch.tensor(list(colors.values()), dtype=torch.float32, device=device) / 127.5 - 1
