"""The fused step computes what the network's own does, near enough, and leaves it as it was."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from generator.model.fused import weights
from generator.model.fused.network import Functions, FusedUNet, Residuals
from generator.model.loading import HotshotModel
from generator.model.unet import HotshotUNet
from tests.generator.model.test_unet import conditioning, difference


@pytest.fixture
def network(tiny: HotshotModel) -> HotshotUNet:
    return copy.deepcopy(tiny.unet)


def step(network: HotshotUNet, sample: Tensor, residuals: Residuals | None = None) -> Tensor:
    clips = sample.shape[0]
    inputs = conditioning(clips)
    fused = FusedUNet.of(network, Functions())
    told = fused.tell(inputs["encoder_hidden_states"], inputs["added_cond_kwargs"])
    return fused(sample, torch.full((clips,), 501), told, residuals)


@torch.inference_mode()
@pytest.mark.parametrize(
    "shape", [(2, 4, 8, 8, 8), (1, 4, 3, 13, 11), (2, 4, 1, 8, 16), (1, 4, 24, 9, 9)]
)
def test_it_is_the_same_network(network: HotshotUNet, shape: tuple[int, ...]) -> None:
    sample = torch.randn(shape)
    exact = network(sample, 501, **conditioning(shape[0])).sample
    assert difference(step(network, sample), exact) < 1e-5


@torch.inference_mode()
def test_what_controlnets_add(network: HotshotUNet) -> None:
    sample = torch.randn(2, 4, 2, 8, 8)
    seen: list[Tensor] = []
    watched = [network.conv_in, *network.down_blocks, network.mid_block]
    hooks = [one.register_forward_hook(lambda _m, _i, made: seen.append(made)) for one in watched]
    network(sample, 501, **conditioning(2))
    for hook in hooks:
        hook.remove()
    first, *blocks, middle = seen
    down = [first, *(one for _, states in blocks for one in states)]
    residuals = Residuals(tuple(torch.randn_like(one) for one in down), torch.randn_like(middle))
    exact = network(
        sample,
        501,
        **conditioning(2),
        down_block_additional_residuals=residuals.down,
        mid_block_additional_residual=residuals.middle,
    ).sample
    assert difference(step(network, sample, residuals), exact) < 1e-5


def test_only_convolutions_are_held_twice(network: HotshotUNet) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    collected = weights.collect(network)
    storages = {one.untyped_storage().data_ptr() for one in network.state_dict().values()}
    copies = {copy.untyped_storage().data_ptr() for _, copy in collected.held_twice}
    used = {one.untyped_storage().data_ptr() for one in weights.tensors(collected)}
    assert used <= storages | copies
    assert all(own.shape[-1] == 3 for own, _ in collected.held_twice)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
        assert value.is_contiguous()


@torch.inference_mode()
def test_changed_weights_are_seen(network: HotshotUNet) -> None:
    inputs, sample = conditioning(1), torch.randn(1, 4, 2, 8, 8)
    fused = FusedUNet.of(network, Functions())
    for value in network.parameters():
        value.data.mul_(0.9)
    fused.weights.refresh()
    told = fused.tell(inputs["encoder_hidden_states"], inputs["added_cond_kwargs"])
    exact = network(sample, 501, **inputs).sample
    assert difference(fused(sample, torch.tensor([501]), told), exact) < 1e-5
