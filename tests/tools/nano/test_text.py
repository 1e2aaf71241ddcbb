"""Training reads captions in the tokens that the pipeline makes of prompts."""

from __future__ import annotations

import numpy as np
import pytest

from generator.contract.limits import NANO_DIRECTORY
from generator.contract.prompts import plain_text
from generator.model.clip_tokenizer import ClipTokenizer
from generator.model.text_encoding import normalize
from generator.nano import captions, languages, world
from tools.nano import text


@pytest.mark.parametrize("language", ["en", *languages.LANGUAGES])
def test_captions_have_the_tokens_of_prompts(language: str) -> None:
    """Han letters are words of their own there: the first training in Japanese was in vain."""
    rng = np.random.default_rng(5)
    drawn = [world.draw_attributes(rng) for _ in range(40)]
    said = [
        captions.plain_caption(rng, one)
        if language == "en"
        else languages.caption(rng, language, one)
        for one in drawn
    ]
    for name, trained in zip(
        ("tokenizer", "tokenizer_2"), text.load_tokenizers(NANO_DIRECTORY), strict=True
    ):
        asked = ClipTokenizer.read(NANO_DIRECTORY / name)
        prompts = [asked.encode_padded(normalize(plain_text(one)), 77) for one in said]
        assert text.tokenize(trained, said).tolist() == prompts
