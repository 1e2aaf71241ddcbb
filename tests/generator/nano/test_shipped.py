"""The weights that ship, in small; ``make evaluate`` measures them over many more clips."""

from __future__ import annotations

import numpy as np
import pytest

from generator.contract.limits import NANO
from tools.nano import evaluate
from tools.nano.evaluate import Result
from tools.nano.suites import BARS

pytestmark = pytest.mark.slow

CLIPS = 10
SPARE = 0.2  # ten clips are few


@pytest.fixture(scope="module")
def results() -> list[Result]:
    return evaluate.evaluate(NANO, CLIPS, {})


@pytest.mark.parametrize("name", list(BARS))
def test_nano_shows_what_prompts_say(results: list[Result], name: str) -> None:
    right = [result.checks()[name] for result in results]
    assert np.mean(right) >= BARS[name] - SPARE
