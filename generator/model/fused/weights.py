"""The weights of a ``HotshotUNet`` as ``layers`` takes them, and the products laid together.

Queries, keys and values of one layer are made by one product, and so is what all residual blocks
are told of the timestep. The network's own parameters become parts of these larger tensors: what
changes them in place changes both. Only convolutions' weights are held a second time, channels
last: turned round themselves, they would change the last bits of the network as it is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

import torch
from torch import Tensor, nn

from generator.model.fp8_products import whole_weight
from generator.model.fused.layers import (
    Convolution,
    FeedForward,
    Linear,
    Projected,
    Resnet,
    SpatialBlock,
    TemporalAttention,
    TemporalBlock,
)
from generator.model.fused.ops import Norm
from generator.model.unet import HotshotUNet, TemporalTransformer


@dataclass(frozen=True, slots=True)
class Spatial:
    """A transformer on each frame, and the product that makes keys and values of the text."""

    around: Projected
    blocks: tuple[SpatialBlock, ...]
    keys_values: tuple[Linear, ...]


@dataclass(frozen=True, slots=True)
class Temporal:
    """A transformer along time."""

    around: Projected
    blocks: tuple[TemporalBlock, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """A residual block and what follows it; ``shift`` is its part of what is told of the step."""

    resnet: Resnet
    shift: slice
    spatial: Spatial | None
    temporal: Temporal | None


@dataclass(frozen=True, slots=True)
class Block:
    """The layers of one size, and the convolution to the next one."""

    layers: tuple[Layer, ...]
    resample: Convolution | None


@dataclass(frozen=True, slots=True)
class Weights:
    """All of a network."""

    first: Convolution
    down: tuple[Block, ...]
    middle: tuple[Layer, ...]
    up: tuple[Block, ...]
    norm: Norm
    last: Convolution
    shifts: Linear
    held_twice: tuple[tuple[Tensor, Tensor], ...]

    def refresh(self) -> None:
        """Bring what is held twice up to date with the network's own, which a LoRA may change."""
        for own, copy in self.held_twice:
            copy.copy_(own)

    @property
    def spatial(self) -> Iterator[Spatial]:
        """Return the transformers on frames, in the order in which they are asked."""
        blocks = (*self.down, Block(self.middle, None), *self.up)
        return (one.spatial for block in blocks for one in block.layers if one.spatial is not None)


@dataclass(frozen=True, slots=True)
class _Found:
    """What is gathered on the way through a network."""

    shifts: list[nn.Linear] = field(default_factory=list)
    held_twice: list[tuple[Tensor, Tensor]] = field(default_factory=list)


@torch.inference_mode(mode=False)
@torch.no_grad()
def collect(unet: HotshotUNet) -> Weights:
    """Return a network's weights, laid together where they aren't yet."""
    found = _Found()
    down = tuple(_block(one, found, "downsamplers") for one in unet.down_blocks)
    middle = _middle(unet.mid_block, found)
    up = tuple(_block(one, found, "upsamplers") for one in unet.up_blocks)
    first, last = _convolution(unet.conv_in, found), _convolution(unet.conv_out, found)
    return Weights(
        first=first,
        down=down,
        middle=middle,
        up=up,
        norm=_norm(unet.conv_norm_out),
        last=last,
        shifts=_together(found.shifts),
        held_twice=tuple(found.held_twice),
    )


def tensors(weights: object) -> Iterator[Tensor]:
    """Yield each tensor of these weights."""
    if isinstance(weights, Tensor):
        yield weights
    elif isinstance(weights, tuple):
        for one in weights:
            yield from tensors(one)
    elif is_dataclass(weights):
        for one in fields(weights):
            yield from tensors(getattr(weights, one.name))


def _block(block: Any, found: _Found, resampler: str) -> Block:
    attentions = getattr(block, "attentions", None) or [None] * len(block.resnets)
    layers = tuple(
        _layer(resnet, attention, motion, found)
        for resnet, attention, motion in zip(
            block.resnets, attentions, block.motion_modules, strict=True
        )
    )
    resamplers = getattr(block, resampler)
    return Block(layers, None if resamplers is None else _convolution(resamplers[0].conv, found))


def _middle(block: Any, found: _Found) -> tuple[Layer, ...]:
    """Return the middle's layers: a residual block stands first, alone."""
    motions = getattr(block, "motion_modules", [None] * len(block.attentions))
    first, *others = block.resnets
    # A transformer belongs to the residual block before it.
    pairs = zip([first, *others], [*block.attentions, None], [*motions, None], strict=True)
    return tuple(_layer(resnet, attention, motion, found) for resnet, attention, motion in pairs)


def _layer(resnet: Any, attention: Any, motion: Any, found: _Found) -> Layer:
    begin = sum(one.out_features for one in found.shifts)
    found.shifts.append(resnet.time_emb_proj)
    return Layer(
        Resnet(
            _norm(resnet.norm1),
            _convolution(resnet.conv1, found),
            _norm(resnet.norm2),
            _convolution(resnet.conv2, found),
            None if resnet.conv_shortcut is None else _convolution(resnet.conv_shortcut, found),
            float(resnet.output_scale_factor),
        ),
        slice(begin, begin + resnet.time_emb_proj.out_features),
        None if attention is None else _spatial(attention),
        None if motion is None else _temporal(motion),
    )


def _spatial(transformer: Any) -> Spatial:
    blocks = tuple(
        SpatialBlock(
            heads=block.attn1.heads,
            norm_1=_norm(block.norm1),
            queries_keys_values=_together(_to_all(block.attn1)),
            out_1=_linear(block.attn1.to_out[0]),
            norm_2=_norm(block.norm2),
            queries=_linear(block.attn2.to_q),
            out_2=_linear(block.attn2.to_out[0]),
            norm_3=_norm(block.norm3),
            feed_forward=_feed_forward(block.ff),
        )
        for block in transformer.transformer_blocks
    )
    keys_values = tuple(
        _together([block.attn2.to_k, block.attn2.to_v]) for block in transformer.transformer_blocks
    )
    return Spatial(_around(transformer), blocks, keys_values)


def _temporal(transformer: TemporalTransformer) -> Temporal:
    blocks: list[TemporalBlock] = []
    for block in transformer.transformer_blocks:
        attentions = tuple(
            TemporalAttention(
                _norm(norm),
                block.pos_embed.pe[0],
                _together(_to_all(attention)),
                _linear(attention.to_out[0]),
            )
            for norm, attention in ((block.norm1, block.attn1), (block.norm2, block.attn2))
        )
        blocks.append(
            TemporalBlock(
                block.attn1.heads, attentions, _norm(block.norm3), _feed_forward(block.ff)
            )
        )
    return Temporal(_around(transformer), tuple(blocks))


def _around(transformer: Any) -> Projected:
    return Projected(
        _norm(transformer.norm), _linear(transformer.proj_in), _linear(transformer.proj_out)
    )


def _feed_forward(layers: Any) -> FeedForward:
    return FeedForward(_linear(layers.net[0].proj), _linear(layers.net[2]))


def _to_all(attention: Any) -> list[nn.Linear]:
    return [attention.to_q, attention.to_k, attention.to_v]


def _norm(norm: Any) -> Norm:
    return Norm(norm.weight.data, norm.bias.data, norm.eps, getattr(norm, "num_groups", 0))


def _linear(layer: Any) -> Linear:
    """Return a product; one written as a convolution of single pixels is the same product."""
    bias = None if layer.bias is None else layer.bias.data
    return Linear(layer.weight.data.flatten(1), bias)


def _convolution(layer: nn.Conv2d, found: _Found) -> Convolution:
    own = layer.weight.data
    weight = own.contiguous(memory_format=torch.channels_last)
    if weight.data_ptr() != own.data_ptr():  # of single pixels, both are the same
        found.held_twice.append((own, weight))
    bias = None if layer.bias is None else layer.bias.data
    return Convolution(weight, bias, layer.stride[0], int(layer.padding[0]))


def _together(layers: Sequence[nn.Linear]) -> Linear:
    """Return one product for several of the same input, whose parameters become its parts."""
    weight = whole_weight(layers)
    if weight is None:
        weight = _stacked([layer.get_parameter("weight") for layer in layers])
    biases = [layer.get_parameter("bias") for layer in layers if layer.bias is not None]
    return Linear(weight, _stacked(biases) if biases else None)


def _stacked(parameters: Sequence[nn.Parameter]) -> Tensor:
    first, height = parameters[0].data, sum(one.shape[0] for one in parameters)
    shape, begin = (height, *first.shape[1:]), first.data_ptr()
    for one in parameters:
        if one.data_ptr() != begin or not one.is_contiguous():
            break
        begin += one.numel() * one.element_size()
    else:
        if first.untyped_storage().nbytes() >= begin - first.untyped_storage().data_ptr():
            return first.as_strided(shape, torch.empty(shape, device="meta").stride())
    whole = torch.cat([one.data for one in parameters])
    for one, part in zip(
        parameters, torch.split(whole, [one.shape[0] for one in parameters]), strict=True
    ):
        one.data = part
    return whole
