"""Muon: a step is the momentum of each weight matrix, made orthogonal.

Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024), scaled to AdamW's
usual step as Liu et al., "Muon is Scalable for LLM Training" (2025), do. PyTorch's own takes no
convolutions, and goes through hundreds of small matrices one by one; here those of one shape are
made orthogonal together.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from tools.nano.machine import fast_type

MOMENTUM = 0.95
ADAM_RMS = 0.2  # root mean square of AdamW's usual step, at a learning rate of one
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # the authors': steep at zero, near one after five turns
_TURNS = 5


class Muon(torch.optim.Optimizer):
    """Muon for weights of two dimensions and more; a convolution (o, i, h, w) is (o, i h w)."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Step all that have a gradient; with a ``closure``, that of the loss it returns."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            alike: dict[torch.Size, list[tuple[nn.Parameter, Tensor]]] = defaultdict(list)
            for weight, direction in zip(weights, self._directions(weights), strict=True):
                alike[direction.flatten(1).shape].append((weight, direction.flatten(1)))
            for shape, members in alike.items():
                steps = orthogonal(torch.stack([direction for _, direction in members]))
                steps *= group["lr"] * -ADAM_RMS * math.sqrt(max(shape))
                each = [
                    one.view_as(weight) for (weight, _), one in zip(members, steps, strict=True)
                ]
                torch._foreach_add_([weight for weight, _ in members], each)
        return loss

    def _directions(self, weights: list[nn.Parameter]) -> list[Tensor]:
        """Return the gradients with Nesterov's momentum."""
        if not weights:
            return []
        for weight in weights:
            if "momentum" not in self.state[weight]:
                self.state[weight]["momentum"] = torch.zeros_like(weight)
        momenta: list[Tensor] = [self.state[weight]["momentum"] for weight in weights]
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        torch._foreach_lerp_(momenta, gradients, 1 - MOMENTUM)
        return list(torch._foreach_lerp(gradients, momenta, MOMENTUM))


def orthogonal(matrices: Tensor) -> Tensor:
    """Return roughly the nearest semi-orthogonal matrix of each of (n, rows, columns), as float32.

    By Newton-Schulz iterations: singular values come out between about 0.7 and 1.2.
    """
    is_tall = matrices.shape[1] > matrices.shape[2]
    near = (matrices.mT if is_tall else matrices).to(fast_type(matrices.device.type))
    near = near / near.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    first, third, fifth = _COEFFICIENTS
    for _ in range(_TURNS):
        square = near @ near.mT
        near = first * near + (third * square + fifth * square @ square) @ near
    upright: Tensor = near.mT if is_tall else near
    return upright.float()
