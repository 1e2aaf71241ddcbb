"""Products in 8 bits, by torchao itself: a CPU multiplies so too, if slowly."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from generator.contract.errors import ModelError
from generator.contract.messages import Lora
from generator.contract.worker_settings import COMPILE_ALWAYS
from generator.inference.low_memory import in_low_memory
from generator.inference.overflow import check_weights, has_half_precision
from generator.inference.pipeline import HotshotPipeline
from generator.model import fp8_products
from generator.model.fp8_products import Product, address, bytes_of, is_in_fp8, products_of
from generator.model.fused.compilation import Kernels
from generator.model.fused.network import Functions
from generator.model.fused.runner import UNetRunner
from generator.model.loading import HotshotModel, load_model
from tests.generator.model.test_fp8 import GUIDED
from tests.generator.model.test_lora_manager import KOHYA
from tests.generator.model.test_unet import conditioning, difference
from tests.generator.reference import CPU, TINY, silent

pytest.importorskip("torchao")

CUDA = torch.device("cuda:0")


@pytest.fixture(scope="module")
def model() -> HotshotModel:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("generator.model.loading.multiplies_in_fp8", lambda _: True)
        return load_model(str(TINY), device=CPU, dtype=torch.float32, fp8=True)


def numbers(model: HotshotModel) -> dict[str, Tensor]:
    """Every bit of a UNet's weights."""
    return {
        name: getattr(one, "qdata", one).detach().clone().view(torch.uint8)
        for name, one in model.unet.named_parameters()
    }


def test_a_product_is_that_of_rounded_rows_and_a_rounded_weight() -> None:
    drawn = torch.Generator().manual_seed(0)
    layers = [nn.Linear(64, width, bias=False) for width in (32, 48)]
    exact = [layer.weight.detach().clone() for layer in layers]
    rows = torch.randn(3, 5, 64, generator=drawn)
    rows[1, 2] = 0  # as a text that isn't there is
    product = Product.of(layers, CPU, torch.float32)
    assert tuple(product.weight.shape) == (80, 64)

    def rounded(tensor: Tensor) -> Tensor:
        factor = tensor.abs().amax(-1, keepdim=True).clamp(1e-9) / 448  # the largest of float8 e4m3
        return (tensor / factor).to(torch.float8_e4m3fn).float() * factor

    with torch.inference_mode():
        for layer, weight in zip(layers, exact, strict=True):
            wanted = rounded(rows) @ rounded(weight).T
            assert difference(layer(rows), wanted) < 1e-5
            assert difference(layer(rows), rows @ weight.T) > 0.01


def test_only_the_products_of_transformers_are_rounded(
    tiny: HotshotModel, model: HotshotModel
) -> None:
    narrow = {name for name, one in model.unet.named_parameters() if is_in_fp8(one)}
    parts = {name.partition("transformer_blocks.")[2].partition(".")[2] for name in narrow}
    attention = {
        f"{one}.{part}.weight"
        for one in ("attn1", "attn2")
        for part in ("to_q", "to_k", "to_v", "to_out.0")
    }
    assert parts == attention | {"ff.net.0.proj.weight", "ff.net.2.weight"}
    blocks = sum(name.endswith("attn1.to_q.weight") for name in narrow)
    assert len(narrow) == 10 * blocks
    products = products_of(model.unet)  # and each layer's own weight is a part of one
    assert all(address(one.weight) == address(one.layers[0].weight) for one in products)
    held = sum(
        one.numel() * (1 if is_in_fp8(one) else one.element_size())
        for one in model.unet.parameters()
    )
    assert held == bytes_of(tiny.unet, torch.float32)
    assert held < 0.6 * sum(one.numel() * 4 for one in tiny.unet.parameters())


@pytest.mark.slow
@torch.inference_mode()
def test_a_step_is_near_the_exact_one_written_and_fused(
    tiny: HotshotModel, model: HotshotModel, tmp_path: Path
) -> None:
    sample = torch.randn(2, 4, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    exact = tiny.unet(sample, 500, **conditioning(2)).sample
    narrow = model.unet(sample, 500, **conditioning(2)).sample
    assert 0.001 < difference(narrow, exact) < 0.2
    written = HotshotPipeline(model).latents(GUIDED, report=silent)
    fast = _fast(model, tmp_path)
    fused = HotshotPipeline(fast).latents(GUIDED, report=silent)
    assert fast.runner.kernels is not None  # nothing was given up
    assert 0 < difference(fused, written) < 0.15


def _fast(model: HotshotModel, directory: Path) -> HotshotModel:
    kernels = Kernels.of(CPU, directory)
    assert kernels is not None
    kernels = replace(kernels, _functions=Functions())  # as they are written
    return replace(model, runner=UNetRunner(model.unet, model.dtype, COMPILE_ALWAYS, kernels))


@pytest.mark.slow
def test_a_lora_acts_and_leaves_no_trace(model: HotshotModel, tmp_path: Path) -> None:
    pipeline = HotshotPipeline(_fast(model, tmp_path))
    bits, before = numbers(model), pipeline.latents(GUIDED, report=silent)
    faint = replace(GUIDED, loras=(Lora(str(KOHYA), 0.02),))
    changed = pipeline.latents(faint, report=silent)
    wide = [one for one in products_of(model.unet) if one.holders]
    assert wide  # so little would be rounded off in 8 bits
    assert all(one.weight.device == CPU for one in wide)
    assert not torch.equal(changed, before)
    assert torch.equal(pipeline.latents(GUIDED, report=silent), before)
    assert not any(one.holders for one in products_of(model.unet))
    for name, value in numbers(model).items():
        assert torch.equal(value, bits[name]), name


@pytest.mark.slow
def test_low_memory_makes_nearly_the_same_and_puts_all_back(
    model: HotshotModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    bits, exact = numbers(model), HotshotPipeline(model)(GUIDED, report=silent).astype(int)
    enabled = property(lambda offloader: offloader.low_vram)
    monkeypatch.setattr("generator.model.offload.Offloader.is_enabled", enabled)
    with in_low_memory(model) as low:  # computed wider there, from the same weights
        assert not any(map(is_in_fp8, low.unet.parameters()))
        made = HotshotPipeline(low)(GUIDED, report=silent).astype(int)
    assert np.abs(made - exact).mean() < 12
    for name, value in numbers(model).items():
        assert torch.equal(value, bits[name]), name


def test_its_numbers_are_looked_at_and_not_computed_wider(model: HotshotModel) -> None:
    check_weights(model)
    assert not has_half_precision([model.unet])
    weight = products_of(model.unet)[0].weight
    kept = weight.scale.clone()
    weight.scale[0] = float("nan")
    try:
        with pytest.raises(ModelError, match="aren't finite"):
            check_weights(model)
    finally:
        weight.scale.copy_(kept)


@pytest.mark.parametrize(
    ("capability", "installed", "says"),
    [
        (
            (8, 6),
            True,
            "fp8 saves memory on cuda:0, but no time: A card has no products in 8 bits.",
        ),
        ((8, 9), False, 'torchao isn\'t installed; pip install "hotshot-bot[fp8]" installs it.'),
        ((9, 0), True, "torchao can't multiply there ("),
    ],
)
def test_a_card_that_cannot_says_so_in_a_line(
    capability: tuple[int, int],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    *,
    installed: bool,
) -> None:
    caplog.set_level(logging.INFO, logger="generator.model.fp8_products")
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda _: capability)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda _: "A card")
    if not installed:
        monkeypatch.setattr(fp8_products, "find_spec", lambda _: None)

    def refuse(_: torch.device) -> Tensor:
        raise RuntimeError("no kernel image is available\nfor this device")

    monkeypatch.setattr(fp8_products, "try_product", refuse)
    assert not fp8_products.multiplies_in_fp8(CUDA)
    (said,) = caplog.messages
    assert says in said
    monkeypatch.undo()
    assert fp8_products.try_product(CPU).shape == (32, 32)  # as a card that can is asked


def test_a_card_that_can_says_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("torch.cuda.get_device_capability", lambda _: (8, 9))
    monkeypatch.setattr(fp8_products, "try_product", lambda _: fp8_products.rounded)
    assert fp8_products.multiplies_in_fp8(CUDA)
    assert not fp8_products.multiplies_in_fp8(CPU)
    assert not caplog.messages
