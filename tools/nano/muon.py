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
            alike: dict[torch.Size, list[tuple[nn.Parameter, Tensor]]] = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is not None:
                    direction = self._direction(weight, weight.grad).flatten(1)
                    alike[direction.shape].append((weight, direction))
            for shape, members in alike.items():
                steps = orthogonal(torch.stack([direction for _, direction in members]))
                scale = group["lr"] * ADAM_RMS * math.sqrt(max(shape))
                for (weight, _), each in zip(members, steps, strict=True):
                    weight.add_(each.view_as(weight), alpha=-scale)
        return loss

    def _direction(self, weight: nn.Parameter, gradient: Tensor) -> Tensor:
        """Return the gradient with Nesterov's momentum."""
        state = self.state[weight]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(weight)
        momentum: Tensor = state["momentum"]
        momentum.lerp_(gradient, 1 - MOMENTUM)
        return gradient.lerp(momentum, MOMENTUM)


def orthogonal(matrices: Tensor) -> Tensor:
    """Return roughly the nearest semi-orthogonal matrix of each of (n, rows, columns), as float32.

    By Newton-Schulz iterations: singular values come out between about 0.7 and 1.2.
    """
    is_tall = matrices.shape[1] > matrices.shape[2]
    near = (matrices.mT if is_tall else matrices).bfloat16()
    near = near / near.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    first, third, fifth = _COEFFICIENTS
    for _ in range(_TURNS):
        square = near @ near.mT
        near = first * near + (third * square + fifth * square @ square) @ near
    upright: Tensor = near.mT if is_tall else near
    return upright.float()
