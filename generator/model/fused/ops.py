"""What stands between the products of a step: norms, gates, sums, and attention in time.

``TORCH`` computes them by PyTorch's own functions, in a way that a compiler fuses; on CUDA
``triton_kernels`` has each as one kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from generator.model.attention import attend


class Norm(NamedTuple):
    """A layer norm, or a group norm with ``groups``."""

    weight: Tensor
    bias: Tensor
    eps: float
    groups: int = 0


class Ops(NamedTuple):
    """How these are computed; each is described where ``TORCH`` has it."""

    add_norm: Callable[[Tensor, Tensor | None, Norm, Tensor | None], tuple[Tensor, Tensor]]
    gate: Callable[[Tensor], Tensor]
    group_norm: Callable[..., Tensor]
    add: Callable[[Tensor, Tensor, Tensor | None], Tensor]
    attend_in_time: Callable[[Tensor, int], Tensor]


def _add_norm(
    rows: Tensor, delta: Tensor | None, norm: Norm, positions: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return the sum of rows (…, c) and its layer norm; ``positions`` (f, c) go with b f n c."""
    if delta is not None:
        rows = rows + delta
    normed = functional.layer_norm(rows, norm.weight.shape, norm.weight, norm.bias, norm.eps)
    if positions is not None:
        normed = normed + positions[: rows.shape[1], None]
    return rows, normed


def _gate(projected: Tensor) -> Tensor:
    """Return (…, c) of (…, 2 c): values by GELU of their gates."""
    values, gates = projected.chunk(2, dim=-1)
    return values * functional.gelu(gates)


def _group_norm(
    frames: Tensor, clips: int, norm: Norm, shift: Tensor | None, *, activate: bool
) -> Tensor:
    """Return (b f) h w c normalized by groups over each clip, after ``shift`` (b, c) is added.

    With ``activate``, return SiLU of it.
    """
    rows = frames.reshape(clips, -1, frames.shape[-1])
    if shift is not None:
        rows = (rows + shift[:, None]).to(frames.dtype)
    normed = _norm_written_out(rows, norm) if torch.compiler.is_compiling() else _norm(rows, norm)
    return (functional.silu(normed) if activate else normed).view_as(frames)


def _norm(rows: Tensor, norm: Norm) -> Tensor:
    planes = rows.transpose(1, 2)
    made = functional.group_norm(planes, norm.groups, norm.weight, norm.bias, norm.eps)
    return made.transpose(1, 2).contiguous()


def _norm_written_out(rows: Tensor, norm: Norm) -> Tensor:
    """Sum up channel by channel first, which reads memory in order.

    A group's channels have as many numbers each, so its variance is their mean variance and the
    variance of their means.
    """
    clips, _, width = rows.shape
    variance, mean = torch.var_mean(rows.float(), dim=1, correction=0)
    means = mean.view(clips, norm.groups, -1)
    center = means.mean(-1, keepdim=True)
    spread = variance.view_as(means).mean(-1, keepdim=True)
    spread = spread + (means - center).square().mean(-1, keepdim=True)
    factor = torch.rsqrt(spread + norm.eps).expand_as(means).reshape(clips, width)
    factor = factor * norm.weight.float()
    offset = norm.bias.float() - center.expand_as(means).reshape(clips, width) * factor
    return (rows.float() * factor[:, None] + offset[:, None]).to(rows.dtype)


def _add(frames: Tensor, more: Tensor, bias: Tensor | None) -> Tensor:
    """Return the sum of two (…, c) and of a bias (c)."""
    added = frames + more
    return added if bias is None else (added + bias).to(frames.dtype)


def _attend_in_time(projected: Tensor, heads: int) -> Tensor:
    """Return b f n (h d) of queries, keys and values b f n (3 h d): attention along f.

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


TORCH = Ops(_add_norm, _gate, _group_norm, _add, _attend_in_time)
