"""PEFT's patterns: what Python's own matcher says of them, in bounded time."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.checkpoints.inspect.lora_patterns import Budget, Expression, PatternError

PATHS = (
    "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q",
    "up_blocks.0.attentions.12.transformer_blocks.3.attn2.to_out.0",
    "mid_block.resnets.1.time_emb_proj",
    "conv_in",
)
PEOPLE_S = (
    r"down_blocks.*attentions.*attn1.*to_q",
    r"^(?!.*attn2).*to_q",
    r"(?=down).*(to_q|to_k)",
    r"up_blocks\.[0-9]+\.attentions\.[0-9]+\.transformer_blocks\.\d+\.attn2\.to_out\.0",
    r"(down|up)_blocks\.\d+\..*?\.(to_q|to_out\.0)",
    r"(?:[a-z]+_block\.)?resnets\.\d{1,2}\.[^.]+",
    r"^conv_(in|out)$",
    r"(?:\w+\.)+to_q",
    r"attn1\.to_q|conv_in",
    r"[^\d.]+",
    r".*\.{2}.*",
    "",
)


def as_peft(expression: str, path: str) -> bool:
    return re.match(rf"(.*\.)?({expression})$", path) is not None


@pytest.mark.parametrize("expression", PEOPLE_S)
def test_expressions_of_people(expression: str) -> None:
    mine = Expression(expression, Budget())
    assert [mine.fits(path) for path in PATHS] == [as_peft(expression, path) for path in PATHS]


LETTERS = st.sampled_from(["a", "b", ".", r"\.", "[ab]", "[^a]", r"\w", r"\d", "^", "$"])
REPEATS = st.sampled_from(["", "", "*", "+", "?", "*?", "{2}", "{1,2}", "{,2}", "{1,}"])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.tuples(st.sampled_from(["(", "(?:"]), inner, REPEATS).map(
        lambda parts: f"{parts[0]}{parts[1]}){parts[2]}"
    )
    look = st.tuples(st.sampled_from(["(?=", "(?!"]), inner).map(lambda two: f"{two[0]}{two[1]})")
    either = st.tuples(inner, inner).map("|".join)
    return st.one_of(group, look, either, st.tuples(inner, inner).map("".join))


SINGLE = st.tuples(LETTERS, REPEATS).map(
    lambda two: two[0] if two[0] in "^$" else f"{two[0]}{two[1]}"
)


@given(st.recursive(SINGLE, grown, max_leaves=6), st.text("ab.0", max_size=8))
def test_any_expression_means_what_python_means_by_it(expression: str, path: str) -> None:
    assert Expression(expression, Budget()).fits(path) == as_peft(expression, path)


@pytest.mark.parametrize(
    "expression",
    [
        "(",
        ")",
        "a)",
        "[a",
        "*",
        "a**",
        "a++",
        "(a",
        r"(a)\1",
        r"\ba",
        "(?i)a",
        "(?<=a)b",
        "a{9999}",
    ],
)
def test_what_is_unknown_or_makes_no_sense_is_refused(expression: str) -> None:
    with pytest.raises(PatternError):
        Expression(expression, Budget())


def test_what_would_take_python_for_ever_ends() -> None:
    budget = Budget()
    assert not Expression("(a*)*(a|aa)+(.*.*.*.*.*)*b", budget).fits("a" * 90)
    assert Budget().steps - budget.steps < 200_000
    with pytest.raises(PatternError):
        Expression("(a*)*b", Budget(steps=10)).fits("a" * 90)
