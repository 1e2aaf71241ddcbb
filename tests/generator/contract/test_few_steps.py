"""Distilled LoRAs are known by what they are called, and bring what their cards say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generator.contract.errors import RequestError
from generator.contract.few_steps import (
    DRAFT,
    FINE,
    METADATA_KEY,
    NORMAL,
    FewSteps,
    is_usual,
    recognise,
    sampling_of,
)
from generator.contract.limits import ModelLimits
from generator.contract.options.gif_options import GifOptions
from generator.contract.stages import total_cost, total_steps

LIMITS = ModelLimits()


@pytest.mark.parametrize(
    ("name", "scheduler", "steps"),
    [
        ("latent-consistency/lcm-lora-sdxl", "lcm", (4, 6, 8)),
        ("SDXL LCM", "lcm", (4, 6, 8)),
        ("ByteDance/SDXL-Lightning/sdxl_lightning_8step_lora.safetensors", "euler_trailing", (8,)),
        ("sdxl_lightning_2step_lora", "euler_trailing", (2,)),
        ("Lightning 4 steps", "euler_trailing", (4,)),
        ("ByteDance/Hyper-SD", "ddim_trailing", (8,)),
        ("Hyper-SDXL-4steps-lora.safetensors", "ddim_trailing", (4,)),
        ("Hyper-SDXL-1step-lora", "lcm", (1, 2, 4)),
        ("h1t/TCD-SDXL-LoRA", "tcd", (4, 6, 8)),
        ("dmd2_sdxl_4step_lora_fp16.safetensors", "lcm_trailing", (4,)),
    ],
)
def test_it_is_known_by_its_name(name: str, scheduler: str, steps: tuple[int, ...]) -> None:
    found = recognise([name])
    assert found is not None
    assert found.scheduler == scheduler
    assert found.steps == (steps if len(steps) == 3 else steps * 3)
    assert found.guidance_scale == 1
    assert FewSteps.named(found.name) == found


@pytest.mark.parametrize(
    "name", ["lightning_bolts", "hypernova", "filmcmos", "hyperdetailed", "dmdx", "", "steps 4"]
)
def test_another_lora_is_left_alone(name: str) -> None:
    assert recognise([name]) is None


def test_one_that_keeps_guidance_leaves_it_to_the_model() -> None:
    found = recognise(["Hyper-SDXL-12steps-CFG-lora.safetensors"])
    assert found is not None
    assert found.guidance_scale is None
    assert sampling_of(LIMITS, None, found).guidance_scale == LIMITS.guidance_scale
    assert sampling_of(LIMITS, None, found).steps == 12


def test_metadata_count_before_names() -> None:
    names = ["pytorch_lora_weights", "my lcm"]
    assert recognise(names) == FewSteps.named("lcm")
    assert recognise(names, {METADATA_KEY: "lightning-2"}) == FewSteps.named("lightning-2")
    assert recognise(names, {METADATA_KEY: "nonsense"}) is None
    assert recognise(["SDXL-Lightning", "4 step lightning"]) == FewSteps.named("lightning-4")


@pytest.mark.parametrize("name", ["", "turbo", "lcm-0", "lcm-99", "lightning-x", "-4", "lcm-٣"])
def test_an_unknown_kind_is_one_sentence(name: str) -> None:
    with pytest.raises(ValueError, match=r"no kind of distilled LoRA called .* there are lcm, "):
        FewSteps.named(name)


def test_it_decides_what_nobody_said() -> None:
    few = FewSteps.named("lightning-4")
    usual = GifOptions[str](prompt="a cat", seed=1).to_request(LIMITS)
    assert is_usual(usual, LIMITS)
    made = GifOptions[str](prompt="a cat", seed=1).to_request(LIMITS, few=few)
    assert (made.scheduler, made.steps, made.guidance_scale) == ("euler_trailing", 4, 1)
    assert made == replace(usual, scheduler="euler_trailing", steps=4, guidance_scale=1.0)
    said = GifOptions[str](prompt="a cat", steps=9, guidance=2.0).to_request(LIMITS, few=few)
    assert (said.scheduler, said.steps, said.guidance_scale) == ("euler_trailing", 9, 2)
    capped = GifOptions[str](prompt="a cat").to_request(ModelLimits(steps=2, max_steps=3), few=few)
    assert capped.steps == 3


def test_the_estimate_follows() -> None:
    usual = GifOptions[str](prompt="a cat").to_request(LIMITS)
    few = GifOptions[str](prompt="a cat").to_request(LIMITS, few=FewSteps.named("tcd-4"))
    assert total_steps(few) == 4
    # 30 steps of two passes, and 4 of one
    per_step = total_cost(usual).denoised / total_steps(usual)
    assert total_cost(few).denoised / total_steps(few) == pytest.approx(per_step / 2)


def test_a_quality_is_a_share_of_the_model_s_steps_or_the_lora_s_own() -> None:
    for quality, steps in ((DRAFT, 15), (NORMAL, 30), (FINE, 60)):
        made = GifOptions[str](quality=quality).to_request(LIMITS)
        assert (made.steps, made.scheduler, made.guidance_scale) == (steps, "euler_a", 5.0)
    lcm = FewSteps.named("lcm")
    few = [GifOptions[str](quality=one).to_request(LIMITS, few=lcm) for one in (DRAFT, FINE)]
    assert [one.steps for one in few] == [4, 8]
    small = ModelLimits(steps=1, max_steps=1)
    assert {sampling_of(small, one, None).steps for one in (DRAFT, FINE)} == {1}
    distilled = ModelLimits(steps=4, guidance_scale=1.0)
    assert sampling_of(distilled, DRAFT, None).steps == 4
    with pytest.raises(RequestError, match="no quality 'best'; choose one of draft, normal, fine"):
        GifOptions[str](quality="best").to_request(LIMITS)
