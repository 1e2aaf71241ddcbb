"""What a prompt asks of nano is read from its words, and nothing is read into them."""

from __future__ import annotations

import numpy as np
import pytest

from generator.nano import captions
from generator.nano.measure import ClipAttributes
from generator.nano.prompt_attributes import PromptAttributes
from tools.nano import evaluate, suites


@pytest.mark.parametrize(
    ("prompt", "asked"),
    [
        (
            "a red ball bouncing on a black background",
            PromptAttributes("red", "ball", "bouncing", "black"),
        ),
        (
            "on a beige backdrop, a violet box rises",
            PromptAttributes("purple", "square", "moving up", "beige"),
        ),
        ("A STAR GOES FROM LEFT TO RIGHT!", PromptAttributes(None, "star", "moving right", None)),
        (
            "a ball growing smaller on dark blue",
            PromptAttributes(None, "ball", "shrinking", "navy"),
        ),
        ("jumping up and down: a disc", PromptAttributes(None, "ball", "bouncing", None)),
        ("a clip of a turquoise shape", PromptAttributes("cyan", None, None, None)),
        ("a red ball on a white background", PromptAttributes("red", "ball", None, None)),
        ("a ball on white", PromptAttributes(None, "ball", None, None)),
        ("a ball in front of a green backdrop", PromptAttributes(None, "ball", None, None)),
        ("a black ball on navy", PromptAttributes(None, "ball", None, "navy")),
        ("a red and blue ball", PromptAttributes(None, "ball", None, None)),
        ("what's up? a cat on the left", PromptAttributes()),
        ("", PromptAttributes()),
    ],
)
def test_what_is_read_from_a_prompt(prompt: str, asked: PromptAttributes) -> None:
    assert PromptAttributes.of(prompt) == asked


def test_no_caption_is_read_as_something_else() -> None:
    rng = np.random.default_rng(20261127)
    for _ in range(500):
        text, attributes, said = captions.draw_caption(rng)
        asked = PromptAttributes.of(text)
        for name in ("color", "shape", "motion", "background"):
            allowed = (None, getattr(attributes, name) if getattr(said, name) else None)
            if attributes.other is None:  # of two objects only the second may be read
                assert getattr(asked, name) in allowed, (name, text)


def test_wordings_that_no_training_saw_are_read() -> None:
    read = [
        (PromptAttributes.of(case.prompt), case)
        for case in evaluate.cases(200, seed=suites.SEED + 900_000)
    ]
    for asked, case in read:
        assert asked.is_met_by(ClipAttributes(**vars_of(case), is_whole=True, is_steady=False)), (
            case.prompt
        )
    assert sum(asked == PromptAttributes(**vars_of(case)) for asked, case in read) >= 180


def vars_of(case: suites.Case) -> dict[str, str]:
    names = ("color", "shape", "motion", "background")
    return {name: getattr(case.attributes, name) for name in names}


def test_what_is_open_can_be_anything_and_the_rest_can_not() -> None:
    seen = ClipAttributes("red", "ball", "bouncing", "black", is_whole=True, is_steady=True)
    assert PromptAttributes.of("a ball").is_met_by(seen)
    assert not PromptAttributes.of("a blue ball").is_met_by(seen)
    assert not PromptAttributes.of("a ball").is_met_by(
        ClipAttributes("red", "ball", "still", "black", is_whole=False, is_steady=False)
    )
    assert PromptAttributes.of("a dragon").is_open
