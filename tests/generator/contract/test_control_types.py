"""How a source is followed, by name: what each name stands for, and back again."""

from __future__ import annotations

import pytest

from generator.contract.control_types import AUTO, LOOSE, annotator_of, parse_control, split_control
from generator.contract.messages import Control


@pytest.mark.parametrize("name", ["loose", "Loose"])
def test_loose_is_depth_at_less_of_its_strength_for_fewer_steps(name: str) -> None:
    assert parse_control(name, 1.0) == Control("depth", 0.7, end=0.7)
    assert annotator_of(name, AUTO) == "depth"


@pytest.mark.parametrize("strength", [0.7, "0: 1 | ~5: 0.7 | 75%: 0"])
@pytest.mark.parametrize("name", ["canny", "depth", LOOSE, "own/controlnet"])
def test_a_control_is_called_as_it_was_asked_for(name: str, strength: float | str) -> None:
    assert split_control(parse_control(name, strength)) == (name, strength)


def test_each_of_looses_strengths_is_less() -> None:
    made = parse_control(LOOSE, "0: 1.0 | ~5: .5\n7:0")
    assert made == Control("depth", end=0.7, scales="0: 0.7 | ~5: 0.35 | 7: 0")
    assert parse_control(LOOSE, "0: much").scales == "0: much"  # refused with the whole request


def test_depth_with_a_span_of_its_own_is_no_loose_one() -> None:
    assert split_control(Control("depth", 0.5, end=0.5)) == ("depth", 0.5)
    assert split_control(Control("depth", 0.5, 0.1, 0.7)) == ("depth", 0.5)
