"""What a prompt asks of nano is read from its words, and nothing is read into them."""

from __future__ import annotations

import numpy as np
import pytest

from generator.nano import captions
from generator.nano.measure import Seen
from generator.nano.prompt_attributes import Asked
from tools.nano import evaluate


@pytest.mark.parametrize(
    ("prompt", "asked"),
    [
        ("a red ball bouncing on a black background", Asked("red", "ball", "bouncing", "black")),
        (
            "on a beige backdrop, a violet box rises",
            Asked("purple", "square", "moving up", "beige"),
        ),
        ("A STAR GOES FROM LEFT TO RIGHT!", Asked(None, "star", "moving right", None)),
        ("a ball growing smaller on dark blue", Asked(None, "ball", "shrinking", "navy")),
        ("jumping up and down: a disc", Asked(None, "ball", "bouncing", None)),
        ("a clip of a turquoise shape", Asked("cyan", None, None, None)),
        ("a red ball on a white background", Asked("red", "ball", None, None)),
        ("a ball on white", Asked(None, "ball", None, None)),
        ("a ball in front of a green backdrop", Asked(None, "ball", None, None)),
        ("a black ball on navy", Asked(None, "ball", None, "navy")),
        ("a red and blue ball", Asked(None, "ball", None, None)),
        ("what's up? a cat on the left", Asked()),
        ("", Asked()),
    ],
)
def test_what_is_read_from_a_prompt(prompt: str, asked: Asked) -> None:
    assert Asked.of(prompt) == asked


def test_no_caption_is_read_as_something_else() -> None:
    rng = np.random.default_rng(20261127)
    for _ in range(500):
        text, attributes, said = captions.draw_caption(rng)
        asked = Asked.of(text)
        for name in ("color", "shape", "motion", "background"):
            allowed = (None, getattr(attributes, name) if getattr(said, name) else None)
            assert getattr(asked, name) in allowed, (name, text)


def test_wordings_that_no_training_saw_are_read() -> None:
    read = [
        (Asked.of(case.prompt), case) for case in evaluate.cases(200, seed=evaluate.SEED + 900_000)
    ]
    for asked, case in read:
        assert asked.is_met_by(Seen(**vars_of(case), steady=True)), case.prompt
    assert sum(asked == Asked(**vars_of(case)) for asked, case in read) >= 180


def vars_of(case: evaluate.Case) -> dict[str, str]:
    names = ("color", "shape", "motion", "background")
    return {name: getattr(case.attributes, name) for name in names}


def test_what_is_open_can_be_anything_and_the_rest_can_not() -> None:
    seen = Seen("red", "ball", "bouncing", "black", steady=True)
    assert Asked.of("a ball").is_met_by(seen)
    assert not Asked.of("a blue ball").is_met_by(seen)
    assert not Asked.of("a ball").is_met_by(Seen("red", "ball", "still", "black", steady=False))
    assert Asked.of("a dragon").is_open
