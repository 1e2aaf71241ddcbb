"""Weights in 8 bits: exactly what float8 makes of them, in a quarter of f32's bytes."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from generator.contract.messages import Lora
from generator.inference.low_memory import in_low_memory
from generator.inference.overflow import check_weights, has_half_precision
from generator.inference.pipeline import HotshotPipeline
from generator.model.devices import choose_device
from generator.model.fp8 import STORAGE
from generator.model.loading import HotshotModel, load_model
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.model.test_lora_manager import KOHYA
from tests.generator.model.test_unet import conditioning
from tests.generator.reference import CPU, TINY, silent

GUIDED = replace(QUICK, guidance_scale=3.0, steps=2)


@pytest.fixture(scope="module")
def stored() -> HotshotModel:
    return load_model(str(TINY), device=CPU, dtype=torch.float32, fp8=True)


def in_8_bits(model: HotshotModel) -> set[str]:
    return {name for name, one in model.unet.named_parameters() if one.dtype == STORAGE}


@pytest.mark.slow
def test_layers_are_rounded_once_and_norms_are_not(
    tiny: HotshotModel, stored: HotshotModel
) -> None:
    exact = dict(tiny.unet.named_parameters())
    narrow = in_8_bits(stored)
    assert not any("norm" in name for name in narrow)
    assert len(narrow) > len(exact) / 2
    for name, parameter in stored.unet.named_parameters():
        wanted = exact[name].to(STORAGE) if name in narrow else exact[name]
        assert torch.equal(parameter.float(), wanted.float()), name
    held = sum(one.numel() * one.element_size() for one in stored.unet.parameters())
    whole = sum(one.numel() * one.element_size() for one in exact.values())
    assert held < 0.3 * whole
    assert stored.unet.dtype == torch.float32


@torch.inference_mode()
def test_it_computes_as_a_network_with_rounded_weights(stored: HotshotModel) -> None:
    rounded = load_model(str(TINY), device=CPU, dtype=torch.float32)
    narrow = in_8_bits(stored)
    for name, parameter in rounded.unet.named_parameters():
        if name in narrow:
            parameter.data = parameter.data.to(STORAGE).float()
    sample = torch.randn(1, 4, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    ours, theirs = (
        model.unet(sample, 500, **conditioning(1)).sample for model in (stored, rounded)
    )
    assert torch.equal(ours, theirs)
    assert in_8_bits(stored) == narrow


@pytest.mark.slow
def test_a_gif_is_near_the_exact_one(tiny: HotshotModel, stored: HotshotModel) -> None:
    exact = HotshotPipeline(tiny)(GUIDED, report=silent).astype(int)
    made = HotshotPipeline(stored)(GUIDED, report=silent).astype(int)
    assert 0 < np.abs(made - exact).mean() < 12
    assert np.array_equal(HotshotPipeline(stored)(GUIDED, report=silent), made)


@pytest.mark.slow
def test_a_lora_acts_and_leaves_no_trace(stored: HotshotModel) -> None:
    pipeline = HotshotPipeline(stored)
    narrow, before = in_8_bits(stored), pipeline(GUIDED, report=silent)
    bits = {name: one.float().clone() for name, one in stored.unet.named_parameters()}
    faint = replace(GUIDED, loras=(Lora(str(KOHYA), 0.02),))
    pipeline(faint, report=silent)
    changed = narrow - in_8_bits(stored)
    assert changed  # held wide: so little would be rounded off in 8 bits
    assert all(
        not torch.equal(stored.unet.get_parameter(one), bits[one])
        for one in changed
        if one.endswith("weight")
    )
    assert np.array_equal(pipeline(GUIDED, report=silent), before)
    assert in_8_bits(stored) == narrow
    for name, parameter in stored.unet.named_parameters():
        assert torch.equal(parameter.float(), bits[name]), name


@pytest.mark.slow
def test_low_memory_makes_the_same(stored: HotshotModel, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = HotshotPipeline(stored)(GUIDED, report=silent).astype(int)
    enabled = property(lambda offloader: offloader.low_vram)
    monkeypatch.setattr("generator.model.offload.Offloader.is_enabled", enabled)
    narrow = in_8_bits(stored)
    with in_low_memory(stored) as low:
        made = HotshotPipeline(low)(GUIDED, report=silent).astype(int)
    assert np.abs(made - exact).max() <= 1
    assert in_8_bits(stored) == narrow


def test_numbers_that_overflow_are_not_computed_wider(stored: HotshotModel) -> None:
    check_weights(stored)
    assert not has_half_precision([stored.unet])


def test_a_device_without_it_says_so_in_a_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    choice = choose_device("cpu", "fp8")
    assert (choice.is_fp8, choice.precision, choice.dtype) == (True, "fp8", torch.float32)
    assert not caplog.messages

    def refused(*_: object, **__: object) -> None:
        raise TypeError("Trying to convert Float8_e4m3fn to the MPS backend")

    monkeypatch.setattr("torch.zeros", refused)
    choice = choose_device("cpu", "fp8")
    assert (choice.is_fp8, choice.precision) == (False, "f32")
    assert caplog.messages == [
        "cpu has no fp8, so weights are stored in the precision of the computation."
    ]
