"""What is remembered of requests by their shape: all of a request but its words and its seed."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from generator.contract.errors import RequestError
from generator.contract.limits import ModelLimits
from generator.contract.messages import ChosenStage, Control, Lora, Request
from generator.contract.request_shape import remembered_by_shape

LIMITS = ModelLimits()
REQUEST = Request(prompt="a cat", seed=1, width=512, height=512, steps=30, guidance_scale=5.0)
OTHERS: dict[str, Any] = {
    "original_size": (1, 2),
    "target_size": (3, 4),
    "loras": (Lora("a"),),
    "controls": (Control("depth"),),
    "stages": (ChosenStage("upscale"),),
    "freeu": True,
}


def _changed(name: str) -> Request:
    value = getattr(REQUEST, name)
    other = OTHERS.get(name, f"{value}x" if isinstance(value, str) else 7)
    return replace(REQUEST, **{name: value if other == value else other})


def test_words_and_seeds_share_what_is_remembered_and_nothing_else_does() -> None:
    asked: list[Request] = []

    @remembered_by_shape
    def place(request: Request) -> int:
        asked.append(request)
        return len(asked)

    names = [each.name for each in fields(Request)]
    first = place(REQUEST)
    alike = {name for name in names if place(_changed(name)) == first}
    assert alike == {"prompt", "negative_prompt", "seed"}
    assert len(asked) == 1 + len(names) - len(alike)
    assert place(replace(REQUEST, prompt="a dog")) == first


def test_what_raises_is_not_remembered() -> None:
    for _ in range(2):
        with pytest.raises(RequestError, match="steps must be from 1"):
            LIMITS.check(replace(REQUEST, steps=0))


def test_words_and_seeds_are_checked_for_each_request_of_a_shape() -> None:
    LIMITS.check(REQUEST)
    with pytest.raises(RequestError, match="The prompt is empty"):
        LIMITS.check(replace(REQUEST, prompt=" "))
    with pytest.raises(RequestError, match="The seed must be from 0"):
        LIMITS.check(replace(REQUEST, seed=-1))
    with pytest.raises(RequestError, match="The weight of"):
        LIMITS.check(replace(REQUEST, prompt="a (cat:9)"))


def test_each_model_checks_by_its_own_limits() -> None:
    LIMITS.check(REQUEST)
    small = ModelLimits(native_edge=128)
    with pytest.raises(RequestError, match=r"too large|must be from"):
        small.check(replace(REQUEST, width=1024, height=1024))
    LIMITS.check(replace(REQUEST, width=1024, height=1024))
