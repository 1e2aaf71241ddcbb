"""FreeU and PAG do what diffusers does of the same network, and leave nothing behind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from generator.contract.stages import total_cost
from generator.inference.pipeline import HotshotPipeline
from generator.model.loading import HotshotModel
from generator.model.switches import freeu, has_freeu, perturbed_attention
from generator.recipes.recipe import ModelSettings, Recipe
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.model.test_unet import conditioning
from tests.generator.reference import silent

GUIDED = replace(QUICK, guidance_scale=3.0, steps=2)


def ask(small: HotshotModel, frames: int = 2) -> torch.Tensor:
    sample = torch.randn(1, 4, frames, 8, 8, generator=torch.Generator().manual_seed(0))
    said: torch.Tensor = small.unet(sample, 500, **conditioning(1)).sample
    return said


@torch.inference_mode()
def test_freeu_is_diffusers_own_with_the_values_for_sdxl(small: HotshotModel) -> None:
    exact = ask(small)
    with freeu(small.unet, is_on=True):
        assert has_freeu(small.unet)
        ours = ask(small)
    assert not has_freeu(small.unet)
    small.unet.enable_freeu(s1=0.9, s2=0.2, b1=1.3, b2=1.4)
    theirs = ask(small)
    small.unet.disable_freeu()
    assert torch.equal(ours, theirs)
    assert not torch.allclose(ours, exact)
    with freeu(small.unet, is_on=False):
        assert torch.equal(ask(small), exact)


@torch.inference_mode()
def test_perturbed_places_see_themselves_alone(small: HotshotModel) -> None:
    """As diffusers' own processor for PAG has it, of a batch that is perturbed altogether."""
    from diffusers.models.attention_processor import PAGIdentitySelfAttnProcessor2_0

    exact = ask(small)
    with perturbed_attention(small.unet):
        ours = ask(small)
    assert torch.equal(ask(small), exact)
    layers = [
        layer
        for name, layer in small.unet.mid_block.attentions.named_modules()
        if name.endswith("attn1")
    ]
    assert layers
    before = [layer.processor for layer in layers]
    theirs = PAGIdentitySelfAttnProcessor2_0()

    def perturbed(attn: Any, hidden: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
        """Theirs perturbs the second half of a batch: of the same twice, that half is taken."""
        made: torch.Tensor = theirs(attn, hidden.repeat(2, 1, 1))[len(hidden) :]
        return made

    for layer in layers:
        layer.set_processor(perturbed)
    said = ask(small)
    for layer, processor in zip(layers, before, strict=True):
        layer.set_processor(processor)
    torch.testing.assert_close(ours, said, rtol=0, atol=1e-6)
    assert not torch.allclose(ours, exact, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{"freeu": True}, {"pag_scale": 3.0}], ids=str)
def test_a_switch_changes_the_gif_and_what_follows_is_as_before(
    small: HotshotModel, changes: dict[str, Any]
) -> None:
    pipeline = HotshotPipeline(small)
    exact = pipeline(GUIDED, report=silent)
    request = replace(GUIDED, **changes)
    made = pipeline(request, report=silent)
    assert not np.array_equal(made, exact)
    assert np.array_equal(pipeline(request, report=silent), made)
    assert np.array_equal(pipeline(GUIDED, report=silent), exact)
    assert not GUIDED.to_dict().keys() & changes.keys()  # earlier versions know neither
    restored = Recipe.from_json(Recipe(request=request, setup=ModelSettings()).to_json())
    assert restored is not None
    assert restored.request == request


def test_pag_takes_one_more_pass_a_step_and_is_estimated_so(small: HotshotModel) -> None:
    asked: list[int] = []

    def note(_: nn.Module, given: tuple[Any, ...]) -> None:
        asked.append(len(given[0]))

    hook = small.unet.register_forward_pre_hook(note)
    try:
        for scale, guidance in ((0.0, 3.0), (2.0, 3.0), (2.0, 1.0)):
            request = replace(GUIDED, pag_scale=scale, guidance_scale=guidance)
            asked.clear()
            HotshotPipeline(small)(request, report=silent)
            megapixels = 2 * 64 * 64 / 1e6
            assert total_cost(request).denoised == pytest.approx(sum(asked) * megapixels)
            assert len(asked) == request.steps * (2 if scale else 1)
    finally:
        hook.remove()
