"""Texts and strengths that change along a clip reach the frames that they are for."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from generator.contract.messages import Control, Request
from generator.contract.windows import LOOP
from generator.inference.pipeline import HotshotPipeline
from generator.inference.stages.encoding import encode_prompt
from generator.model.loading import HotshotModel
from generator.model.text_encoding import EncodedText
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.model.test_controlnet import shown
from tests.generator.reference import silent
from tests.generator.small_model import CONTROLNET

CAT = replace(QUICK, prompt="the cat", video_length=4, guidance_scale=4.0)
TRAVEL = replace(CAT, prompt="0: the cat | 2: a dog")


def latents_of(model: HotshotModel, request: Request) -> Tensor:
    pictures = [shown(request=request) for _ in request.controls]
    return HotshotPipeline(model).latents(request, report=silent, condition_images=pictures)


@pytest.mark.parametrize(
    "prompt", ["0: the cat", "0: the cat | ~2: the cat", "1: the cat\n3: the cat"]
)
def test_one_text_is_what_it_was(small: HotshotModel, prompt: str) -> None:
    travel = replace(CAT, prompt=prompt, negative_prompt="0: blurry\n3: blurry")
    plain = replace(CAT, negative_prompt="blurry")
    assert torch.equal(latents_of(small, travel), latents_of(small, plain))


def test_each_frame_has_its_own_text_and_each_text_is_encoded_once(small: HotshotModel) -> None:
    encoded: list[int] = []
    watch = small.text.encoders[0].register_forward_hook(
        lambda _module, given, _output: encoded.append(len(given[0]))
    )
    request = replace(TRAVEL, prompt="0: the cat | 1: a dog | ~3: the cat", negative_prompt="a dog")
    try:
        with torch.inference_mode():
            told = encode_prompt(small, request)
    finally:
        watch.remove()
    assert encoded == [2]
    with torch.inference_mode():
        cat, dog = small.text.encode(["the cat", "a dog"]).hidden
    frames = told.text.hidden.view(2, 4, *told.text.hidden.shape[1:])
    for index, expected in enumerate((cat, dog, (cat + dog) / 2, cat)):
        torch.testing.assert_close(frames[1, index], expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(frames[0, index], dog, rtol=1e-4, atol=1e-5)
    assert told.conditional.text.hidden.shape[0] == 4
    assert not encode_prompt(small, TRAVEL).text.hidden[:4].any()  # no negative prompt


def test_a_text_given_for_each_frame_does_what_it_does_given_once(small: HotshotModel) -> None:
    with torch.inference_mode():
        once = encode_prompt(small, CAT)
        text = EncodedText(once.text.hidden.repeat_interleave(4, dim=0), once.text.pooled)
        each = replace(once, text=text)
        noise = torch.randn(2, 4, 4, 8, 8, generator=torch.Generator().manual_seed(1))
        one, other = (
            small.runner.predict(noise, torch.tensor(500), told, {}) for told in (once, each)
        )
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    assert not torch.equal(latents_of(small, TRAVEL), latents_of(small, CAT))


def test_windows_are_told_what_is_said_of_their_frames(small: HotshotModel) -> None:
    request = replace(TRAVEL, motion=LOOP, window=2)
    told = encode_prompt(small, request)
    with torch.inference_mode():
        dog = small.text.encode(["the cat", "a dog"]).hidden[1]
        seen = told.window([3, 2])
    torch.testing.assert_close(seen.text.hidden[-1], dog, rtol=1e-4, atol=1e-5)
    assert seen.text.hidden.shape[0] == 4
    assert latents_of(small, request).isfinite().all()


@pytest.mark.slow
def test_a_controlnet_s_strength_is_each_frame_s_own(small: HotshotModel) -> None:
    """The same number for all frames is that number; zeros are as no ControlNet at all."""

    def following(**values: object) -> Tensor:
        control = Control(str(CONTROLNET), **values)  # type: ignore[arg-type]
        return latents_of(small, replace(CAT, controls=(control,), control_source="a"))

    torch.testing.assert_close(following(scales="0: 0.5 | 2: 0.5"), following(scale=0.5))
    torch.testing.assert_close(following(scales="0: 0 | 2: 0"), latents_of(small, CAT))
    half = following(scales="0: 1 | 2: 0")
    assert float((half - following(scale=1.0)).abs().max()) > 1e-3
