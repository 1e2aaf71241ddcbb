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


class Linear(NamedTuple):
    """A product: weight (out, in), bias (out) or None."""

    weight: Tensor
    bias: Tensor | None


class Norm(NamedTuple):
    """A layer norm, or a group norm with ``groups``."""

    weight: Tensor
    bias: Tensor
    eps: float
    groups: int = 0


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


def resnet(frames: Tensor, skip: Tensor | None, shift: Tensor, clips: int, w: Resnet) -> Tensor:
    """Return (b f) h w c; ``skip`` is laid beside the frames, ``shift`` (b, c) is of the step."""
    if skip is not None:
        frames = torch.cat([frames, skip], dim=-1)
    made = convolve(norm_and_activate(frames, clips, w.norm_1), w.convolution_1)
    made = (made.view(clips, -1, made.shape[-1]) + shift[:, None]).view_as(made)
    made = convolve(norm_and_activate(made, clips, w.norm_2), w.convolution_2)
    if w.shortcut is not None:
        frames = convolve(frames, w.shortcut)
    return frames + made if w.divisor == 1 else (frames + made) / w.divisor


def norm_and_activate(frames: Tensor, clips: int, norm: Norm) -> Tensor:
    """Return SiLU of the group norm over all frames of each clip."""
    return functional.silu(_group_norm(frames, clips, norm))


def convolve(frames: Tensor, w: Convolution) -> Tensor:
    """Convolve (b f) h w c."""
    planes = frames.permute(0, 3, 1, 2)
    made = functional.conv2d(planes, w.weight, w.bias, w.stride, w.padding)
    return made.permute(0, 2, 3, 1)


def enter(frames: Tensor, w: Projected) -> Tensor:
    """Return rows (b f) (h w) c for a transformer; its norm is per frame."""
    rows = _group_norm(frames, frames.shape[0], w.norm).reshape(
        frames.shape[0], -1, frames.shape[-1]
    )
    return project(rows, w.enter)


def leave(rows: Tensor, frames: Tensor, w: Projected) -> Tensor:
    """Return frames with what a transformer's rows add to them."""
    return frames + project(rows, w.leave).view_as(frames)


def spatial_block(rows: Tensor, text: KeysValues, w: SpatialBlock) -> Tensor:
    """Return rows (b f) n c after attention to their own frame and to the clip's text."""
    query, key, value = _split(project(_layer_norm(rows, w.norm_1), w.queries_keys_values), w.heads)
    rows = rows + project(_joined(attend(query, key, value), rows), w.out_1)
    keys, values = text
    asked = project(_layer_norm(rows, w.norm_2), w.queries)
    asked = asked.view(keys.shape[0], -1, w.heads, keys.shape[-1]).transpose(1, 2)
    rows = rows + project(_joined(attend(asked, keys, values), rows), w.out_2)
    return rows + _feed_forward(_layer_norm(rows, w.norm_3), w.feed_forward)


def temporal(
    frames: Tensor, clips: int, around: Projected, blocks: tuple[TemporalBlock, ...]
) -> Tensor:
    """Return (b f) h w c after attention of each place to itself in all frames of its clip."""
    rows = enter(frames, around)
    count, positions, width = frames.shape[0] // clips, rows.shape[1], rows.shape[2]
    clip_rows = rows.view(clips, count, positions, width)
    for block in blocks:
        for w in block.attentions:
            normed = _layer_norm(clip_rows, w.norm) + w.positions[:count, None]
            mixed = attend_in_time(project(normed, w.queries_keys_values), block.heads)
            clip_rows = clip_rows + project(mixed, w.out)
        clip_rows = clip_rows + _feed_forward(
            _layer_norm(clip_rows, block.norm), block.feed_forward
        )
    return leave(clip_rows, frames, around)


def project(rows: Tensor, w: Linear) -> Tensor:
    """Return the product of rows and a layer's weight."""
    return functional.linear(rows, w.weight, w.bias)


def _feed_forward(rows: Tensor, w: FeedForward) -> Tensor:
    values, gates = project(rows, w.widen).chunk(2, dim=-1)
    return project(values * functional.gelu(gates), w.narrow)


def _layer_norm(rows: Tensor, norm: Norm) -> Tensor:
    return functional.layer_norm(rows, norm.weight.shape, norm.weight, norm.bias, norm.eps)


def _group_norm(frames: Tensor, clips: int, norm: Norm) -> Tensor:
    """Return frames (b f) h w c, each of so many clips normalized over all of its frames."""
    width = frames.shape[-1]
    rows = frames.reshape(clips, -1, width)
    if not torch.compiler.is_compiling():
        planes = rows.transpose(1, 2)
        normed = functional.group_norm(planes, norm.groups, norm.weight, norm.bias, norm.eps)
        return normed.transpose(1, 2).reshape(frames.shape)
    # Channel by channel first, which reads memory in order; a group's channels then have as many
    # numbers each, so its variance is their mean variance and the variance of their means.
    variance, mean = torch.var_mean(rows.float(), dim=1, correction=0)
    means = mean.view(clips, norm.groups, -1)
    center = means.mean(-1, keepdim=True)
    spread = variance.view_as(means).mean(-1, keepdim=True)
    spread = spread + (means - center).square().mean(-1, keepdim=True)
    factor = torch.rsqrt(spread + norm.eps).expand_as(means).reshape(clips, width)
    factor = factor * norm.weight.float()
    offset = norm.bias.float() - center.expand_as(means).reshape(clips, width) * factor
    normed = rows.float() * factor[:, None] + offset[:, None]
    return normed.to(frames.dtype).view_as(frames)


def _split(projected: Tensor, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return queries, keys and values b h n d of b n (3 h d)."""
    batch, count, width = projected.shape
    parts = projected.view(batch, count, 3, heads, width // (3 * heads)).permute(2, 0, 3, 1, 4)
    query, key, value = parts.unbind(0)
    return query, key, value


def _joined(attended: Tensor, rows: Tensor) -> Tensor:
    """Return b h n d as rows again."""
    return attended.transpose(1, 2).reshape(rows.shape)


def attend_in_time(projected: Tensor, heads: int) -> Tensor:
    """Return b f n (h d) of b f n (3 h d): attention along f, apart for each n.

    Clips are short: written out as sums, it is one pass over memory in a compiler's hands, where an
    attention kernel would pad each few frames to its tile.
    """
    clips, count, positions, width = projected.shape
    parts = projected.view(clips, count, positions, 3, heads, width // (3 * heads))
    query, key, value = parts.unbind(3)
    if not torch.compiler.is_compiling():
        in_time = [part.permute(0, 2, 3, 1, 4).flatten(0, 1) for part in (query, key, value)]
        mixed = attend(*in_time).view(clips, positions, heads, count, -1)
        return mixed.permute(0, 3, 1, 2, 4).flatten(3)
    scores = (query.float()[:, :, None] * key.float()[:, None]).sum(-1)  # b f f' n h
    weights = torch.softmax(scores * query.shape[-1] ** -0.5, dim=2)
    mixed = (weights[..., None] * value.float()[:, None]).sum(2)
    return mixed.to(projected.dtype).flatten(3)
