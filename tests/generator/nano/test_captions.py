"""Captions: varied, true of the clip, and readable by the tokenizers whatever they say."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from generator.contract.limits import NANO_DIRECTORY
from generator.nano import captions, languages, world
from tools.nano import clips, text


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> text.Tokenizers:
    directory = tmp_path_factory.mktemp("tokenizers")
    text.save_tokenizers(directory, seed=0, base=NANO_DIRECTORY)
    return text.load_tokenizers(directory)


def test_a_full_caption_names_every_attribute() -> None:
    rng = np.random.default_rng(1)
    for _ in range(200):
        attributes = world.draw_attributes(rng)
        said = captions.caption(rng, attributes, captions.Said()).lower()
        for words in (
            captions.COLOR_WORDS[attributes.color],
            captions.SHAPE_WORDS[attributes.shape],
            captions.BACKGROUND_WORDS[attributes.background],
        ):
            # A stranger may stand between the words of a name.
            assert any(all(part in said for part in word.split()) for word in words), said


def test_what_is_unsaid_is_not_named() -> None:
    rng = np.random.default_rng(2)
    attributes = world.Attributes("purple", "star", "growing", "beige")
    said = captions.Said(color=False, background=False)
    for _ in range(100):
        words = set(captions.caption(rng, attributes, said).lower().strip(".!").split())
        assert not words & set(captions.COLOR_WORDS["purple"])
        assert not words & set(captions.BACKGROUND_WORDS["beige"])


def test_wordings_vary() -> None:
    rng = np.random.default_rng(3)
    attributes = world.Attributes("red", "ball", "moving left", "black")
    assert len({captions.caption(rng, attributes, captions.Said()) for _ in range(300)}) > 280


def test_what_a_caption_denies_is_never_filled_in() -> None:
    rng = np.random.default_rng(4)
    denied = 0
    for _ in range(600):
        _, attributes, said = captions.draw_caption(rng)
        shown = clips.fill_unsaid(rng, attributes, said)
        assert said.allows(shown)
        assert shown.color == attributes.color or not said.color
        denied += bool(said.not_color or said.not_shape or said.not_background)
        odds = torch.tensor([text.answer_odds(attributes, said)])
        for part in text.split_answers(odds):
            assert part.sum().item() == pytest.approx(1)
    assert denied > 10


@pytest.mark.slow
@pytest.mark.parametrize("language", languages.LANGUAGES)
def test_captions_of_a_language_are_made_of_whole_words(
    tokenizers: text.Tokenizers, language: str
) -> None:
    rng = np.random.default_rng(5)
    for _ in range(40):
        caption = languages.caption(rng, language, world.draw_attributes(rng))
        assert "{" not in caption
        pieces = tokenizers[0].tokenize(caption)
        assert len(pieces) <= 2 * max(len(caption.split()), len(caption) / 3)


def test_the_tokenizers_pad_as_those_of_sdxl_do(tokenizers: text.Tokenizers) -> None:
    first, second = (text.tokenize(tokenizer, ["a red ball"])[0] for tokenizer in tokenizers)
    end = max(first)
    assert first[4:].tolist() == [end] * 73
    assert second[4] == end
    assert second[5:].tolist() == [0] * 72
    assert first.argmax() == second.argmax() == 4


@pytest.mark.parametrize("prompt", ["Ünïcode 🦊 zzqx", "a" * 500, "", "12 + 3 = ?!"])
def test_any_text_can_be_read(tokenizers: text.Tokenizers, prompt: str) -> None:
    for tokenizer in tokenizers:
        assert text.tokenize(tokenizer, [prompt]).shape == (1, 77)


def test_a_fragment_says_no_more_than_it_is_to() -> None:
    rng = np.random.default_rng(6)
    for _ in range(100):
        attributes = world.draw_attributes(rng)
        said = captions.Said(color=False, shape=False, motion=False, background=True)
        words = captions.fragment(rng, attributes, said).lower()
        assert any(word in words for word in captions.BACKGROUND_WORDS[attributes.background])
        both = captions.fragment(rng, attributes, replace(said, color=True)).lower()
        assert any(word in both for word in captions.COLOR_WORDS[attributes.color])
        assert "," in both


def test_a_plain_caption_has_no_words_from_outside() -> None:
    rng = np.random.default_rng(7)
    known = {word for phrase in captions.every_phrase() for word in re.findall(r"[a-z]+", phrase)}
    for _ in range(200):
        text = captions.plain_caption(rng, world.draw_attributes(rng)).lower()
        assert set(re.findall(r"[a-z]+", text)) - known <= {"a", "an", "with"}
