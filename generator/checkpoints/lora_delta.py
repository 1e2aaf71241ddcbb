"""What an adapter adds to one weight, for each way of writing it down.

LoRA, with a Tucker core where a convolution has one; DoRA; LoHa and LoKr, put together by PEFT;
and a full difference. Knows tensors alone. All is computed in the dtype of what comes in. PEFT is
imported where it is asked, since that takes a second.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from generator.checkpoints.inspect.lora_shapes import axis_of

Tensors = Mapping[str, Tensor]  # by role, see ``generator.checkpoints.inspect.lora_names``


def weight_delta(weight: Tensor, factors: Tensors, scale: float) -> Tensor:
    """Return what to add to ``weight`` at strength 1, of its shape.

    ``scale`` is alpha through rank. That the parts make up such a weight was checked before
    (``lora_shapes``).
    """
    delta = _undirected(factors, scale).reshape(weight.shape)
    if "dora" in factors:
        return _redirected(weight, delta, factors["dora"], axis=0)
    if "dora_scale" in factors:
        lengths = factors["dora_scale"]
        return _redirected(weight, delta, lengths, axis_of(tuple(lengths.shape)))
    return delta


def _undirected(factors: Tensors, scale: float) -> Tensor:
    if "diff" in factors:
        return factors["diff"]
    if "hada_w1_a" in factors:
        return _hadamard(factors, scale)
    if any(role.startswith("lokr_") for role in factors):
        return _kronecker(factors, scale)
    up, down = factors["up"].flatten(1), factors["down"]
    if "mid" in factors:
        from peft.tuners.lokr.layer import make_weight_cp as with_core

        return _as_tensor(with_core(factors["mid"], up.T, down.flatten(1)) * scale)
    return (up @ down.flatten(1)).reshape(up.shape[0], *down.shape[1:]) * scale


def _hadamard(factors: Tensors, scale: float) -> Tensor:
    from peft.tuners.loha.layer import make_weight as hadamard
    from peft.tuners.loha.layer import make_weight_cp as hadamard_with_core

    pairs = [factors[f"hada_{name}"] for name in ("w1_a", "w1_b", "w2_a", "w2_b")]
    scale_tensor = torch.tensor(scale)
    if "hada_t1" in factors:
        cores = factors["hada_t1"], factors["hada_t2"]
        return _as_tensor(
            hadamard_with_core(cores[0], *pairs[:2], cores[1], *pairs[2:], scale_tensor)
        )
    return _as_tensor(hadamard(*pairs, scale_tensor))


def _kronecker(factors: Tensors, scale: float) -> Tensor:
    from peft.tuners.lokr.layer import make_kron as kronecker

    first, second = (_factor(factors, name) for name in ("w1", "w2"))
    return _as_tensor(kronecker(first, second, scale))


def _factor(factors: Tensors, name: str) -> Tensor:
    if (whole := factors.get(f"lokr_{name}")) is not None:
        return whole
    from peft.tuners.lokr.layer import make_weight_cp as with_core

    left, right = factors[f"lokr_{name}_a"], factors[f"lokr_{name}_b"]
    core = factors.get(f"lokr_t{name[-1]}")
    return left @ right if core is None else _as_tensor(with_core(core, left, right))


def _redirected(weight: Tensor, delta: Tensor, lengths: Tensor, axis: int) -> Tensor:
    """Return what DoRA adds (Liu et al. 2024): the sum gets a learnt length along an axis.

    PEFT says one for each output always, though for convolutions it writes (1, n, 1, 1).
    """
    summed = weight + delta
    others = [other for other in range(weight.ndim) if other != axis]
    shape = [1] * weight.ndim
    shape[axis] = -1
    present = summed.pow(2).sum(dim=others, keepdim=True).sqrt()
    present = present.clamp_min(torch.finfo(summed.dtype).eps)  # a row of zeros has no direction
    return summed * (lengths.reshape(shape) / present) - weight


def _as_tensor(delta: Tensor) -> Tensor:
    return delta  # PEFT says no types
