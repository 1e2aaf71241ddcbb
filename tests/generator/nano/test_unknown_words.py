"""Which prompts are outside nano's world, by their words alone."""

from __future__ import annotations

import numpy as np
import pytest

from generator.nano import captions
from generator.nano.unknown_words import _LEARNT, find_unknown_words


@pytest.mark.slow
def test_no_caption_that_nano_learnt_from_is_foreign_to_it() -> None:
    rng = np.random.default_rng(11)
    for _ in range(2000):
        caption, attributes, said = captions.draw_caption(rng)
        if attributes.other or said.not_shape:  # a second shape is told, as more than was asked
            continue
        assert not set(find_unknown_words(caption)) & _LEARNT, caption


@pytest.mark.parametrize(
    "prompt",
    [
        "a red ball bouncing on a black background",
        "Please make a big red circle jump up and down, dark background",
        "show me a lovely blue star that turns around really slowly, on gray",
        "I'd like a GIF of a green triangle getting bigger and bigger",
        "tiny purple dot shrinking away to nothing on beige",
        "red ball, bouncing, black",
        "could you animate a white star spinning like crazy on a dark blue background?",
        "A (red:1.4) BALL",
        "traingle, green, growing",
        "a bright yelow sqare",
        "one azure circle that keeps hopping nonstop",
        "an emerald star, rotating clockwise",
        "a blue block moves right, seamless loop, high quality, 4k",
        "something red moving left",
    ],
)
def test_everyday_wording_of_nano_s_world(prompt: str) -> None:
    assert find_unknown_words(prompt) == []


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("a camel smoking a cigarette", ["camel", "smoking", "cigarette"]),
        ("a red car moving left on a black background", ["car"]),
        ("a pink ball bouncing", ["pink"]),
        ("a red ball in a kitchen", ["kitchen"]),
        ("two red balls bouncing", ["two"]),
        ("a blue square on a green background", ["green"]),
        ("a red ball and a green triangle", ["triangle"]),
        ("un chat qui dort", ["chat", "qui", "dort"]),
        ("猫", ["猫"]),
        ("a hexagon spinning", ["hexagon"]),
        ("a blue ring", ["ring"]),
    ],
)
def test_what_nano_has_no_picture_of(prompt: str, words: list[str]) -> None:
    assert find_unknown_words(prompt)[-len(words) :] == words
