"""The words that a model says it knows: nano's are its captions', and nonsense is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from generator.contract.errors import ModelError
from generator.contract.limits import NANO_DIRECTORY
from generator.contract.prompt_words import FILE, PromptWords
from generator.nano.prompt_attributes import PromptAttributes
from tools.nano.prompt_words import prompt_words


def test_nano_says_what_its_captions_say() -> None:
    assert json.loads((NANO_DIRECTORY / FILE).read_text()) == prompt_words()
    words = PromptWords.of(NANO_DIRECTORY)
    assert words is not None
    asked = PromptAttributes.of(" ".join(next(iter(part)) for part in words.parts))
    assert (asked.color, asked.shape, asked.motion) == ("red", "ball", "bouncing")
    assert asked.background == "black"


def test_most_models_say_nothing(tmp_path: Path) -> None:
    assert PromptWords.of(tmp_path) is None


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "[]",
        "{}",
        '{"sample": "", "parts": []}',
        '{"sample": "a\\u0000b", "parts": []}',
        '{"sample": "a", "parts": {}}',
        '{"sample": "a", "parts": [{}]}',
        '{"sample": "a", "parts": [{"a": "b"}]}',
        '{"sample": "a", "parts": [{"a": [1]}]}',
        '{"sample": "a", "parts": [["a"]]}',
        json.dumps({"sample": "a", "parts": [{"a" * 81: []}]}),
        json.dumps({"sample": "a", "parts": [{"a": []}] * 11}),
        " " * 200_001,
    ],
)
def test_nonsense_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(ModelError):
        PromptWords.of(tmp_path)
