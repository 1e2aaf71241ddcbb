"""How prompts are completed: what was typed stays, and what is added can be made."""

from __future__ import annotations

import time

import pytest

from bot.commands.prompt_completion import complete_by_prompts, complete_by_words
from generator.contract.limits import NANO_DIRECTORY
from generator.contract.prompt_words import PromptWords
from generator.nano.prompt_attributes import PromptAttributes

PROMPTS = ["a cat, film noir, rain", "a cat walking", "a dog, rain", "0: a | 4: b", "a <lora:x>"]


def words() -> PromptWords:
    found = PromptWords.of(NANO_DIRECTORY)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", {}),
        ("a", {}),
        ("re", {"color": "red"}),
        ("a ball", {"shape": "ball"}),
        ("a red ba", {"color": "red", "shape": "ball"}),
        ("triangle bouncing", {"shape": "triangle", "motion": "bouncing"}),
        ("a star on a navy blue background", {"shape": "star", "background": "navy"}),
        ("a photo of my dog", {}),
    ],
)
def test_nano_can_make_what_is_suggested(typed: str, said: dict[str, str]) -> None:
    found = complete_by_words(typed, words(), 10)
    assert len(set(found)) == 10
    assert found == complete_by_words(typed, words(), 10)
    for prompt in found:
        asked = PromptAttributes.of(prompt)
        assert None not in (asked.color, asked.shape, asked.motion, asked.background), prompt
        assert {name: getattr(asked, name) for name in said} == said, prompt
        assert "a a " not in prompt
        assert "dog" not in prompt


def test_what_says_everything_stays_as_it_is() -> None:
    assert complete_by_words("a red ball bouncing on a black background", words(), 10) == []
    assert len(complete_by_words("a red ball bouncing on", words(), 10)) == 4


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ["a cat, film noir, rain", "a cat walking", "a dog, rain"]),
        ("A ca", ["a cat, film noir, rain", "a cat walking"]),
        ("a cat, fil", ["a cat, film noir, rain", "a cat, film noir"]),
        ("a bird", ["a bird, rain", "a bird, film noir", "a bird, 35mm"]),
        ("a bird, 35MM", ["a bird, 35MM, rain", "a bird, 35MM, film noir"]),
        ("0: a | 4: b", []),
    ],
)
def test_prompts_go_on_as_others_did(typed: str, found: list[str]) -> None:
    assert complete_by_prompts(typed, PROMPTS, [", 35mm"], 10) == found


def test_a_long_text_costs_little() -> None:
    began = time.process_time()
    long = "a red " + "ball " * 700
    complete_by_words(long, words(), 10)
    complete_by_prompts(long, [long] * 300, [long], 10)
    print(f"{time.process_time() - began:.3f} CPU s")
