"""Begins with the version of nano that ships: what it has learnt is kept, and more finds room.

Tokens keep their ids and new ones follow, a text encoder may have more layers, and at first all
says what it said: a caption's values are the same, and the UNet understands them. While the
encoders learn what is new, plain captions stay pinned to these values (as in learning without
forgetting, Li and Hoiem, 2016), or the UNet would have to learn to read anew.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny, ControlNetModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection

from generator.model.loading import load_model
from generator.model.unet import HotshotUNet
from generator.nano import captions, world
from tools.nano import text
from tools.nano.step_inputs import StepRng

PARTS = ("unet", "vae", "text_encoder", "text_encoder_2", "tokenizer", "tokenizer_2", "scheduler")
_CONTROLNETS = "controlnet"  # not every base has them
_BASE = "base"
PINNED = 6000  # captions
PIN_BATCH = 32
PIN_WEIGHT = 10.0
_LAYER = re.compile(r"(?<=layers\.)\d+")
_TOKENS = "token_embedding.weight"
# What a layer adds to what it is given.
_ADDED = re.compile(r"layers\.\d+\.(self_attn\.out_proj|mlp\.fc2)\.")


def keep_base(base: Path, runs: Path) -> Path:
    """Copy a model into ``runs``, once: it may be overwritten before the training is over."""
    kept = runs / _BASE
    if kept_base(runs) is None:
        unfinished = runs / "base.tmp"
        shutil.rmtree(unfinished, ignore_errors=True)
        for part in PARTS:
            shutil.copytree(base / part, unfinished / part)
        if (base / _CONTROLNETS).is_dir():
            shutil.copytree(base / _CONTROLNETS, unfinished / _CONTROLNETS)
        for path in base.glob("*.json"):
            shutil.copy(path, unfinished / path.name)
        unfinished.rename(kept)
    return kept


def kept_base(runs: Path) -> Path | None:
    """Return the copy in ``runs``, or None where a training began with nothing, or never."""
    kept = runs / _BASE
    return kept if kept.exists() else None


def load_unet(base: Path) -> HotshotUNet:
    """Load the UNet of a model, in float32, to learn more."""
    network = load_model(str(base), device=torch.device("cpu"), dtype=torch.float32).unet
    network.train().requires_grad_(requires_grad=True)
    return network


def load_vae(base: Path) -> AutoencoderTiny:
    """Load the VAE of a model, in float32, to learn more."""
    return AutoencoderTiny.from_pretrained(
        base / "vae", torch_dtype=torch.float32, low_cpu_mem_usage=False
    )


def load_controlnet(base: Path, kind: str) -> ControlNetModel | None:
    """Load a ControlNet of a model, in float32, to learn more; None where it has none."""
    directory = base / _CONTROLNETS / kind
    if not directory.is_dir():
        return None
    return ControlNetModel.from_pretrained(
        directory, torch_dtype=torch.float32, low_cpu_mem_usage=False
    )


def load_encoders(base: Path, vocabulary: Mapping[str, int]) -> text.TextEncoders:
    """Make text encoders for a larger vocabulary that say what those of ``base`` say."""
    encoders = text.TextEncoders(len(vocabulary))
    known = text.load_tokenizers(base)[0].get_vocab()
    _grow(encoders.first, CLIPTextModel.from_pretrained(base / "text_encoder"), known, vocabulary)
    second = CLIPTextModelWithProjection.from_pretrained(base / "text_encoder_2")
    _grow(encoders.second, second, known, vocabulary)
    return encoders


def _grow(
    network: nn.Module, base: nn.Module, known: Mapping[str, int], vocabulary: Mapping[str, int]
) -> None:
    """Give a text encoder the weights of a smaller one; layers between add nothing yet."""
    learnt = {name: value.float() for name, value in base.state_dict().items()}
    layers, more = map(_layer_count, (learnt, network.state_dict()))
    grown = {}
    for name, value in network.state_dict().items():
        if name.endswith(_TOKENS):
            grown[name] = _grown_rows(learnt[name], known, vocabulary)
            continue
        layer = _LAYER.search(name)
        if layer is None:
            grown[name] = learnt[name]
        elif (at := _layer_of_base(int(layer[0]), layers, more)) is not None:
            grown[name] = learnt[_LAYER.sub(str(at), name)]
        else:
            grown[name] = torch.zeros_like(value) if _ADDED.search(name) else value
    network.load_state_dict(grown)


def _layer_count(state: Mapping[str, Tensor]) -> int:
    return 1 + max(int(found[0]) for found in map(_LAYER.search, state) if found)


def _layer_of_base(layer: int, layers: int, more: int) -> int | None:
    """Return the layer of the smaller encoder that becomes this one; the last stays the last."""
    if layer < layers - 1:
        return layer
    return layers - 1 if layer == more - 1 else None


def _grown_rows(rows: Tensor, known: Mapping[str, int], vocabulary: Mapping[str, int]) -> Tensor:
    """Return a row for each token (n, d): its own, or for a new one the mean of its parts'."""
    grown: dict[str, Tensor] = {}
    for token in sorted(vocabulary, key=vocabulary.__getitem__):
        if token in known:
            grown[token] = rows[known[token]]
            continue
        cuts = [(token[:at], token[at:]) for at in range(1, len(token))]
        parts = next(pair for pair in cuts if pair[0] in grown and pair[1] in grown)
        grown[token] = (grown[parts[0]] + grown[parts[1]]) / 2
    return torch.stack(list(grown.values()))


@dataclass(frozen=True, slots=True)
class PinnedCaptions:
    """Plain captions, and what the encoders said of them before they learnt more."""

    ids: tuple[Tensor, Tensor]  # (n, 77) of either tokenizer
    hidden: Tensor  # (n, 77, d), float16
    pooled: Tensor  # (n, p), float16

    @classmethod
    @torch.no_grad()
    def of(
        cls,
        encoders: text.TextEncoders,
        tokenizers: text.Tokenizers,
        base: Path,
        seed: int,
        device: torch.device,
    ) -> PinnedCaptions:
        """Ask encoders that have just grown; captions with tokens new to ``base`` are left out."""
        rng = np.random.default_rng([seed, 9])
        texts = [_plain_caption(rng) for _ in range(PINNED)]
        was_read = text.load_tokenizers(base)[0]
        kept = [one for one in texts if was_read.tokenize(one) == tokenizers[0].tokenize(one)]
        ids = [text.tokenize(tokenizer, kept).to(device) for tokenizer in tokenizers]
        said = [
            encoders(*pair) for pair in zip(*(torch.split(each, 256) for each in ids), strict=True)
        ]
        hidden, pooled = (torch.cat(parts).half() for parts in zip(*said, strict=True))
        return cls((ids[0], ids[1]), hidden, pooled)

    def loss(self, encoders: text.TextEncoders, chances: Tensor) -> Tensor:
        """Return how far the encoders have come from what they said, of captions drawn (b,)."""
        chosen = (chances * len(self.pooled)).long().clamp(max=len(self.pooled) - 1)
        hidden, pooled = encoders(*(each[chosen] for each in self.ids))
        off: Tensor = (hidden - self.hidden[chosen]).square().mean()
        return off + torch.square(pooled - self.pooled[chosen]).mean()


def text_loss(
    encoders: text.TextEncoders, data: text.CaptionBatches, pinned: PinnedCaptions | None
) -> Callable[[int, StepRng], Tensor]:
    """Return the loss of encoders that learn, and keep what they said of captions ``pinned``."""

    def loss(_: int, step_rng: StepRng) -> Tensor:
        if pinned is None:
            return text.loss(encoders, data, step_rng)
        generator = step_rng.torch
        chances = torch.rand(PIN_BATCH, generator=generator, device=generator.device)
        return text.loss(encoders, data, step_rng) + PIN_WEIGHT * pinned.loss(encoders, chances)

    return loss


def _plain_caption(rng: np.random.Generator) -> str:
    attributes = world.draw_attributes(rng)
    return captions.plain_caption(rng, attributes)
