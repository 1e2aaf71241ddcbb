"""Text as the UNet is told it: long prompts whole, words that count more or less."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generator.inference.pipeline import HotshotPipeline
from generator.model.loading import HotshotModel
from generator.model.text_encoding import EncodedText
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.reference import silent

PARTS = ["(", ")", ":1.3)", ":0.5)", " red ", "dog", "猫", "🎈", "+", ".", "\\"]
LONG = ", ".join(f"the red ball number {index} in a dog" for index in range(20))


def encode(model: HotshotModel, *texts: str) -> EncodedText:
    with torch.inference_mode():
        return model.text.encode(list(texts))


def test_a_long_prompt_is_told_to_its_end(small: HotshotModel) -> None:
    whole, other = encode(small, LONG), encode(small, LONG + " on a beach")
    assert whole.hidden.shape[1] > 77
    assert whole.hidden.shape[1] % 77 == 0
    assert whole.hidden.isfinite().all()
    assert not torch.equal(whole.hidden, other.hidden)
    torch.testing.assert_close(whole.pooled, other.pooled)  # of what fits at once


def test_the_last_prompt_that_fits_is_encoded_as_ever(small: HotshotModel) -> None:
    tokenizer = small.text.tokenizers[0]
    words = 1
    while len(tokenizer.encode("dog " * (words + 1))) <= 77:
        words += 1
    fits, too_long = encode(small, "dog " * words), encode(small, "dog " * (words + 1))
    assert fits.hidden.shape[1] == 77
    assert too_long.hidden.shape[1] == 154
    ids = torch.tensor([tokenizer.encode_padded("dog " * words, 77)])
    with torch.inference_mode():
        said = small.text.encoders[0](ids).hidden_states[-2]
    assert torch.equal(fits.hidden[..., : said.shape[-1]], said)


def test_weight_one_changes_nothing_and_others_do(small: HotshotModel) -> None:
    plain = encode(small, "the red ball").hidden
    torch.testing.assert_close(encode(small, "the (red:1.0) ball").hidden, plain)
    by_weight = [
        (encode(small, f"the (red:{weight}) ball").hidden - plain).abs().mean()
        for weight in (0.3, 0.8, 1.2, 2.0)
    ]
    assert by_weight[0] > by_weight[1] > 0
    assert by_weight[3] > by_weight[2] > 0


def test_no_weight_at_all_is_as_if_masked(small: HotshotModel) -> None:
    one = encode(small, "the (red:0) ball").hidden
    assert one.isfinite().all()
    assert not torch.equal(one, encode(small, "the red ball").hidden)


def test_a_short_text_beside_a_long_one_is_as_long(small: HotshotModel) -> None:
    both = encode(small, "blurry", LONG)
    alone = encode(small, "blurry")
    torch.testing.assert_close(both.hidden[:1, :77], alone.hidden)
    assert both.hidden[0, 77:].any()


@pytest.mark.parametrize(
    ("prompt", "negative"),
    [(LONG, None), (LONG, ""), (LONG, "blurry"), ("a dog", LONG), ("a (dog:1.4)", "x")],
)
def test_frames_of_long_and_weighted_prompts(
    small: HotshotModel, prompt: str, negative: str | None
) -> None:
    request = replace(QUICK, prompt=prompt, negative_prompt=negative, guidance_scale=4.0)
    latents = HotshotPipeline(small).latents(request, report=silent)
    assert latents.isfinite().all()
    plain = replace(request, prompt="a dog", negative_prompt=None)
    assert not torch.equal(latents, HotshotPipeline(small).latents(plain, report=silent))


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.sampled_from(["(", ")", ":1.3)", ":0.5)", " red ", "dog", "猫", "🎈", "+", ".", "\\"])
    )
)
def test_whatever_is_typed_is_encoded(small: HotshotModel, parts: list[str]) -> None:
    encoded = encode(small, "".join(parts))
    assert encoded.hidden.shape[1] % 77 == 0
    assert encoded.hidden.isfinite().all()


def test_strange_letters_and_a_very_long_word_are_no_error(small: HotshotModel) -> None:
    for text in ("猫 🎈 \N{COMBINING ACUTE ACCENT}", "a" * 2000, "(" * 500, "(a:1.1)" * 200):
        assert encode(small, text).hidden.isfinite().all()
