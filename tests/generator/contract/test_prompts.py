"""Weights in prompts: what is one, what is text, and nothing that anybody types is an error."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.contract.errors import RequestError
from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.contract.prompts import Fragment, parse_fragments, plain_text


@pytest.mark.parametrize(
    ("prompt", "fragments"),
    [
        ("a (red:1.3) ball", [("a ", 1), ("red", 1.3), (" ball", 1)]),
        ("(a cat:0.5)", [("a cat", 0.5)]),
        ("(a (big:2) cat:.5)", [("a ", 0.5), ("big", 1.0), (" cat", 0.5)]),
        ("(one:1.2)(two:1.2)", [("onetwo", 1.2)]),
        ("(one:1.2) (two:1.2)", [("one two", 1.2)]),
        ("(a: 2 ) b", [("a", 2), (" b", 1)]),
        ("(a:2", [("(a:2", 1)]),
        ("a:2)", [("a:2)", 1)]),
        ("a cat (orange)", [("a cat (orange)", 1)]),
        ("a cat (orange) (x:2)", [("a cat (orange) ", 1), ("x", 2)]),
        (r"a \(cat:1.3\)", [(r"a \(cat:1.3\)", 1)]),
        (r"\(a\) (b:2)", [("(a) ", 1), ("b", 2)]),
        ("at 10:30 (noon:1.1)", [("at 10:30 ", 1), ("noon", 1.1)]),
        ("(a:nan) (b:1e9) (c:)", [("(a:nan) (b:1e9) (c:)", 1)]),
        ("(a:-1)", [("a", -1)]),
        ("", [("", 1)]),
        ("(:1.3)", [("", 1)]),
    ],
)
def test_fragments(prompt: str, fragments: list[tuple[str, float]]) -> None:
    assert parse_fragments(prompt) == [Fragment(text, weight) for text, weight in fragments]


@settings(deadline=None)
@given(st.text(alphabet="ab ():.\\1[]", max_size=60))
def test_whatever_is_typed_keeps_its_letters(prompt: str) -> None:
    fragments = parse_fragments(prompt)
    assert "".join(prompt.split()).count("a") == plain_text(prompt).count("a")
    if len(fragments) == 1 and fragments[0].weight == 1:
        assert len(plain_text(prompt)) <= len(prompt)


@pytest.mark.parametrize("weight", ["3.5", "-1", "999999"])
def test_a_weight_out_of_range(weight: str) -> None:
    request = Request(
        prompt=f"a (red:{weight}) ball", seed=0, width=512, height=512, steps=1, guidance_scale=1
    )
    with pytest.raises(RequestError, match="The weight of 'red' must be from 0 to 3, not "):
        ModelLimits().check(request)


def test_a_prompt_of_brackets_alone_is_empty() -> None:
    request = Request(prompt="(:1.3)", seed=0, width=512, height=512, steps=1, guidance_scale=1)
    with pytest.raises(RequestError, match="prompt is empty"):
        ModelLimits().check(request)
