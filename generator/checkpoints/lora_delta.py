"""What an adapter adds to one weight, for each way of writing it down.

LoRA, with a Tucker core where a convolution has one; DoRA; LoHa and LoKr, put together by PEFT;
and a full difference. Knows tensors alone. All is computed in the dtype of what comes in.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from peft.tuners.loha.layer import make_weight as hadamard
from peft.tuners.loha.layer import make_weight_cp as hadamard_with_core
from peft.tuners.lokr.layer import make_kron as kronecker
from peft.tuners.lokr.layer import make_weight_cp as with_core
from torch import Tensor

from generator.checkpoints.inspect.lora_shapes import axis_of

Tensors = Mapping[str, Tensor]  # by role, see ``generator.checkpoints.inspect.lora_names``


def weight_delta(weight: Tensor, parts: Tensors, scale: float) -> Tensor:
    """What to add to ``weight`` at strength 1, of its shape; ``scale`` is alpha through rank.

    That the parts make up such a weight was checked before (``lora_shapes``).
    """
    change = _change(parts, scale).reshape(weight.shape)
    if "dora" in parts:
        return _redirected(weight, change, parts["dora"], axis=0)
    if "dora_scale" in parts:
        lengths = parts["dora_scale"]
        return _redirected(weight, change, lengths, axis_of(tuple(lengths.shape)))
    return change


def _change(parts: Tensors, scale: float) -> Tensor:
    if "diff" in parts:
        return parts["diff"]
    if "hada_w1_a" in parts:
        return _hadamard(parts, scale)
    if any(role.startswith("lokr_") for role in parts):
        return _kronecker(parts, scale)
    up, down = parts["up"].flatten(1), parts["down"]
    if "mid" in parts:
        return _as_tensor(with_core(parts["mid"], up.T, down.flatten(1)) * scale)
    return (up @ down.flatten(1)).reshape(up.shape[0], *down.shape[1:]) * scale


def _hadamard(parts: Tensors, scale: float) -> Tensor:
    pairs = [parts[f"hada_{name}"] for name in ("w1_a", "w1_b", "w2_a", "w2_b")]
    factor = torch.tensor(scale)
    if "hada_t1" in parts:
        cores = parts["hada_t1"], parts["hada_t2"]
        return _as_tensor(hadamard_with_core(cores[0], *pairs[:2], cores[1], *pairs[2:], factor))
    return _as_tensor(hadamard(*pairs, factor))


def _kronecker(parts: Tensors, scale: float) -> Tensor:
    first, second = (_factor(parts, name) for name in ("w1", "w2"))
    return _as_tensor(kronecker(first, second, scale))


def _factor(parts: Tensors, name: str) -> Tensor:
    if (whole := parts.get(f"lokr_{name}")) is not None:
        return whole
    left, right = parts[f"lokr_{name}_a"], parts[f"lokr_{name}_b"]
    core = parts.get(f"lokr_t{name[-1]}")
    return left @ right if core is None else _as_tensor(with_core(core, left, right))


def _redirected(weight: Tensor, change: Tensor, lengths: Tensor, axis: int) -> Tensor:
    """DoRA (Liu et al. 2024): the sum keeps its direction and gets a learnt length along an axis.

    PEFT says one for each output always, though for convolutions it writes (1, n, 1, 1).
    """
    summed = weight + change
    others = [other for other in range(weight.ndim) if other != axis]
    shape = [1] * weight.ndim
    shape[axis] = -1
    present = summed.pow(2).sum(dim=others, keepdim=True).sqrt()
    present = present.clamp_min(torch.finfo(summed.dtype).eps)  # a row of zeros has no direction
    return summed * (lengths.reshape(shape) / present) - weight


def _as_tensor(made: Tensor) -> Tensor:
    return made  # PEFT says no types
