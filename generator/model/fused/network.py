"""One step of the UNet by the functions of ``layers``: what ``HotshotUNet.forward`` computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from generator.model.fused import layers
from generator.model.fused.layers import KeysValues
from generator.model.fused.ops import TORCH, Ops
from generator.model.fused.weights import Block, Layer, Weights, collect
from generator.model.unet import HotshotUNet


@dataclass(frozen=True, slots=True)
class Functions:
    """How the parts are computed: as they are written, or compiled; and what stands in them."""

    resnet: Callable[..., Tensor] = layers.resnet
    enter: Callable[..., Tensor] = layers.enter
    leave: Callable[..., Tensor] = layers.leave
    spatial_block: Callable[..., Tensor] = layers.spatial_block
    temporal: Callable[..., Tensor] = layers.temporal
    norm_and_activate: Callable[..., Tensor] = layers.norm_and_activate
    ops: Ops = TORCH


class Told(NamedTuple):
    """What the network is told of a request, computed once: (b, c) added to each timestep's
    embedding, and each spatial block's keys and values of the text.
    """

    added: Tensor
    text: tuple[KeysValues, ...]


class Residuals(NamedTuple):
    """What ControlNets add, as (b f) c h w."""

    down: tuple[Tensor, ...]
    middle: Tensor


@dataclass(frozen=True, slots=True)
class FusedUNet:
    """A network's step. ``weights`` are those that the network has; LoRAs may have moved them."""

    unet: HotshotUNet
    weights: Weights
    functions: Functions

    @classmethod
    def of(cls, unet: HotshotUNet, functions: Functions) -> FusedUNet:
        """Lay a network's weights together."""
        return cls(unet, collect(unet), functions)

    def tell(self, text: Tensor, added_cond_kwargs: dict[str, Tensor]) -> Told:
        """Compute what stays during a request; the arguments are those of ``HotshotUNet``."""
        pooled, sizes = added_cond_kwargs["text_embeds"], added_cond_kwargs["time_ids"]
        embedded = self.unet.add_time_proj(sizes.flatten()).reshape(pooled.shape[0], -1)
        joined = torch.cat([pooled, embedded], dim=-1).to(text.dtype)
        known = [
            _keys_values(text, linear, block.heads)
            for spatial in self.weights.spatial
            for block, linear in zip(spatial.blocks, spatial.keys_values, strict=True)
        ]
        return Told(self.unet.add_embedding(joined), tuple(known))

    def __call__(
        self, sample: Tensor, timestep: Tensor, told: Told, residuals: Residuals | None = None
    ) -> Tensor:
        """Predict for noisy clips (b, c, f, h, w) at ``timestep`` (b,) on their device."""
        clips = sample.shape[0]
        shifts = self._shifts(timestep, told.added, sample.dtype)
        walk = _Walk(self.functions, clips, sample.shape[2], shifts, iter(told.text))
        frames = sample.permute(0, 2, 3, 4, 1).flatten(0, 1)
        frames = layers.convolve(frames, self.weights.first)
        skips = [frames]
        for block in self.weights.down:
            frames = walk.down(frames, block, skips)
        if residuals is not None:
            skips = [one + _as_rows(more) for one, more in zip(skips, residuals.down, strict=True)]
        for layer in self.weights.middle:
            frames = walk.layer(frames, None, layer)
        if residuals is not None:
            frames = frames + _as_rows(residuals.middle)
        for block in self.weights.up:
            frames = walk.up(frames, block, skips)
        norm, ops = self.weights.norm, self.functions.ops
        frames = self.functions.norm_and_activate(frames, clips, norm, ops=ops)
        frames = layers.convolve(frames, self.weights.last)
        return frames.view(clips, -1, *frames.shape[1:]).permute(0, 4, 1, 2, 3)

    def _shifts(self, timestep: Tensor, added: Tensor, dtype: torch.dtype) -> Tensor:
        """Return what all residual blocks are told of a timestep, (b, the sum of their widths)."""
        embedded = self.unet.time_embedding(self.unet.time_proj(timestep).to(dtype))
        return layers.project(functional.silu(embedded + added), self.weights.shifts)


@dataclass(frozen=True, slots=True)
class _Walk:
    """One pass through the network; ``text`` is asked for by each spatial block in turn."""

    functions: Functions
    clips: int
    count: int
    shifts: Tensor
    text: Iterator[KeysValues]

    def layer(self, frames: Tensor, skip: Tensor | None, layer: Layer) -> Tensor:
        shift, ops = self.shifts[:, layer.shift], self.functions.ops
        frames = self.functions.resnet(frames, skip, shift, self.clips, layer.resnet, ops=ops)
        if layer.spatial is not None:
            rows = self.functions.enter(frames, layer.spatial.around, ops=ops)
            for block in layer.spatial.blocks:
                rows = self.functions.spatial_block(rows, next(self.text), block, ops=ops)
            frames = self.functions.leave(rows, frames, layer.spatial.around, ops=ops)
        if layer.temporal is not None and self.count > 1:
            around, blocks = layer.temporal.around, layer.temporal.blocks
            frames = self.functions.temporal(frames, self.clips, around, blocks, ops=ops)
        return frames

    def down(self, frames: Tensor, block: Block, skips: list[Tensor]) -> Tensor:
        for layer in block.layers:
            frames = self.layer(frames, None, layer)
            skips.append(frames)
        if block.resample is not None:
            frames = layers.convolve(frames, block.resample)
            skips.append(frames)
        return frames

    def up(self, frames: Tensor, block: Block, skips: list[Tensor]) -> Tensor:
        for layer in block.layers:
            frames = self.layer(frames, skips.pop(), layer)
        if block.resample is not None:
            size = skips[-1].shape[1:3]  # odd sizes were rounded on the way down
            planes = functional.interpolate(frames.permute(0, 3, 1, 2), size=size, mode="nearest")
            frames = layers.convolve(planes.permute(0, 2, 3, 1), block.resample)
        return frames


def _keys_values(text: Tensor, linear: layers.Linear, heads: int) -> KeysValues:
    made = layers.project(text, linear).view(*text.shape[:2], 2, heads, -1)
    key, value = made.permute(2, 0, 3, 1, 4).contiguous().unbind(0)
    return key, value


def _as_rows(planes: Tensor) -> Tensor:
    return planes.permute(0, 2, 3, 1)
