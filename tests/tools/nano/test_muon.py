"""Muon: its steps are orthogonal, and it takes convolutions as the matrices they are."""

from __future__ import annotations

import torch
from torch import nn

from tools.nano.muon import ADAM_RMS, Muon, orthogonal


def test_singular_values_come_out_near_one() -> None:
    torch.manual_seed(0)
    matrices = torch.randn(3, 24, 40) @ torch.diag(torch.logspace(-1, 1, 40))
    for each in (matrices, matrices.mT):
        values = torch.linalg.svdvals(orthogonal(each))
        assert values.min() > 0.5
        assert values.max() < 1.3


def test_directions_stay_those_of_the_gradient() -> None:
    torch.manual_seed(0)
    left, _, right = torch.linalg.svd(torch.randn(1, 8, 8))
    skewed = left @ torch.diag(torch.linspace(1, 3, 8)) @ right
    off = orthogonal(skewed) - left @ right
    assert off.norm() / (left @ right).norm() < 0.3


def test_a_step_is_as_long_as_adams_whatever_the_shape_and_the_gradient() -> None:
    torch.manual_seed(0)
    weights = [nn.Parameter(torch.zeros(shape)) for shape in ((16, 64), (64, 16), (32, 8, 3, 3))]
    optimizer = Muon(weights, lr=1.0)
    for weight, size in zip(weights, (1e-4, 1.0, 1e3), strict=True):
        weight.grad = size * torch.randn_like(weight)
    optimizer.step()
    for weight in weights:
        assert 0.5 < weight.detach().square().mean().sqrt() / ADAM_RMS < 1.3


def test_it_fits_a_convolution() -> None:
    torch.manual_seed(0)
    teacher, pupil = nn.Conv2d(4, 8, 3, bias=False), nn.Conv2d(4, 8, 3, bias=False)
    optimizer = Muon(pupil.parameters(), lr=0.05)
    losses = []
    for step in range(120):
        optimizer.param_groups[0]["lr"] = 0.05 * (1 - step / 120)
        pictures = torch.randn(8, 4, 8, 8)
        loss = (pupil(pictures) - teacher(pictures)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.01 * losses[0]
