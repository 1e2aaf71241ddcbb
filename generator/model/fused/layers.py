"""The UNet's blocks as functions of tensors, written for a compiler to fuse.

Pictures are (b f) h w c all the way, which is what convolutions want on a GPU, and what makes rows
of them without a copy: temporal attention mixes frames by strides, and nothing is rearranged.
Weights are tensors in tuples, so that one compiled version serves every layer of its shapes, and a
LoRA changes none. Sums are in another order than in ``HotshotUNet``: near it, not equal to it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from generator.model.attention import attend
from generator.model.fused.ops import TORCH, Norm, Ops


class Linear(NamedTuple):
    """A product: weight (out, in), bias (out) or None."""

    weight: Tensor
    bias: Tensor | None


class Convolution(NamedTuple):
    """A convolution that keeps the size, or halves it with ``stride`` 2."""

    weight: Tensor
    bias: Tensor | None
    stride: int
    padding: int


class FeedForward(NamedTuple):
    """Two layers around a GEGLU: ``widen`` makes values and gates in one product."""

    widen: Linear
    narrow: Linear


class Resnet(NamedTuple):
    """A residual block; what it is told of the timestep is computed for all blocks at once."""

    norm_1: Norm
    convolution_1: Convolution
    norm_2: Norm
    convolution_2: Convolution
    shortcut: Convolution | None
    divisor: float


class SpatialBlock(NamedTuple):
    """Attention of each frame to itself, and of the clip to its text."""

    heads: int
    norm_1: Norm
    queries_keys_values: Linear
    out_1: Linear
    norm_2: Norm
    queries: Linear
    out_2: Linear
    norm_3: Norm
    feed_forward: FeedForward


class TemporalAttention(NamedTuple):
    """One of a temporal block's attentions; ``positions`` is (most frames, c)."""

    norm: Norm
    positions: Tensor
    queries_keys_values: Linear
    out: Linear


class TemporalBlock(NamedTuple):
    """A block of a temporal layer."""

    heads: int
    attentions: tuple[TemporalAttention, ...]
    norm: Norm
    feed_forward: FeedForward


class Projected(NamedTuple):
    """What stands around the blocks of a transformer: its norm, and a product on each side."""

    norm: Norm
    enter: Linear
    leave: Linear


KeysValues = tuple[Tensor, Tensor]  # of a text, for one block: (b, heads, tokens, d) each


def resnet(
    frames: Tensor, skip: Tensor | None, shift: Tensor, clips: int, w: Resnet, *, ops: Ops = TORCH
) -> Tensor:
    """Return (b f) h w c; ``skip`` is laid beside the frames, ``shift`` (b, c) is of the step.

    Biases come with what is added anyhow, so no pass over memory is theirs alone.
    """
    if skip is not None:
        frames = torch.cat([frames, skip], dim=-1)
    made = ops.group_norm(frames, clips, w.norm_1, None, activate=True)
    made = convolve(made, w.convolution_1._replace(bias=None))
    shift = _sum(shift, w.convolution_1.bias)
    made = ops.group_norm(made, clips, w.norm_2, shift, activate=True)
    made = convolve(made, w.convolution_2._replace(bias=None))
    bias = w.convolution_2.bias
    if w.shortcut is not None:
        frames = convolve(frames, w.shortcut._replace(bias=None))
        bias = w.shortcut.bias if bias is None else _sum(bias, w.shortcut.bias)
    made = ops.add(frames, made, bias)
    return made if w.divisor == 1 else made / w.divisor


def norm_and_activate(frames: Tensor, clips: int, norm: Norm, *, ops: Ops = TORCH) -> Tensor:
    """Return SiLU of the group norm over all frames of each clip."""
    return ops.group_norm(frames, clips, norm, None, activate=True)


def convolve(frames: Tensor, w: Convolution) -> Tensor:
    """Convolve (b f) h w c."""
    planes = frames.permute(0, 3, 1, 2)
    made = functional.conv2d(planes, w.weight, w.bias, w.stride, w.padding)
    return made.permute(0, 2, 3, 1)


def enter(frames: Tensor, w: Projected, *, ops: Ops = TORCH) -> Tensor:
    """Return rows (b f) (h w) c for a transformer; its norm is per frame."""
    normed = ops.group_norm(frames, frames.shape[0], w.norm, None, activate=False)
    return project(normed.flatten(1, 2), w.enter)


def leave(rows: Tensor, frames: Tensor, w: Projected, *, ops: Ops = TORCH) -> Tensor:
    """Return frames with what a transformer's rows add to them."""
    return ops.add(frames, project(rows, w.leave).view_as(frames), None)


def spatial_block(rows: Tensor, text: KeysValues, w: SpatialBlock, *, ops: Ops = TORCH) -> Tensor:
    """Return rows (b f) n c after attention to their own frame and to the clip's text."""
    rows, normed = ops.add_norm(rows, None, w.norm_1, None)
    query, key, value = _split(project(normed, w.queries_keys_values), w.heads)
    seen = project(_joined(attend(query, key, value), rows), w.out_1)
    rows, normed = ops.add_norm(rows, seen, w.norm_2, None)
    keys, values = text
    asked = project(normed, w.queries)
    asked = asked.view(keys.shape[0], -1, w.heads, keys.shape[-1]).transpose(1, 2)
    seen = project(_joined(attend(asked, keys, values), rows), w.out_2)
    rows, normed = ops.add_norm(rows, seen, w.norm_3, None)
    return ops.add(rows, _feed_forward(normed, w.feed_forward, ops), None)


def temporal(
    frames: Tensor,
    clips: int,
    around: Projected,
    blocks: tuple[TemporalBlock, ...],
    *,
    ops: Ops = TORCH,
) -> Tensor:
    """Return (b f) h w c after attention of each place to itself in all frames of its clip."""
    entered = enter(frames, around, ops=ops)
    rows = entered.view(clips, -1, *entered.shape[1:])
    for block in blocks:
        seen = None
        for w in block.attentions:
            rows, normed = ops.add_norm(rows, seen, w.norm, w.positions)
            mixed = ops.attend_in_time(project(normed, w.queries_keys_values), block.heads)
            seen = project(mixed, w.out)
        rows, normed = ops.add_norm(rows, seen, block.norm, None)
        rows = ops.add(rows, _feed_forward(normed, block.feed_forward, ops), None)
    return leave(rows, frames, around, ops=ops)


def project(rows: Tensor, w: Linear) -> Tensor:
    """Return the product of rows and a layer's weight."""
    return functional.linear(rows, w.weight, w.bias)


def _feed_forward(rows: Tensor, w: FeedForward, ops: Ops) -> Tensor:
    return project(ops.gate(project(rows, w.widen)), w.narrow)


def _split(projected: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, keys and values b h n d of b n (3 h d)."""
    batch, count, width = projected.shape
    parts = projected.view(batch, count, 3, heads, width // (3 * heads)).permute(2, 0, 3, 1, 4)
    query, key, value = parts.unbind(0)
    return query, key, value


def _joined(attended: Tensor, rows: Tensor) -> Tensor:
    """Return b h n d as rows again."""
    return attended.transpose(1, 2).reshape(rows.shape)


def _sum(one: Tensor, bias: Tensor | None) -> Tensor:
    """Return the sum of two small tensors in float32, which loses nothing."""
    return one.float() if bias is None else one.float() + bias.float()
