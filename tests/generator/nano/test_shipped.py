"""The weights that ship, in small; ``make evaluate`` measures them over many more clips."""

from __future__ import annotations

import numpy as np
import pytest

from generator.contract.limits import NANO
from tools.nano import evaluate
from tools.nano.suites import BARS

pytestmark = pytest.mark.slow

CLIPS = 10
SPARE = 0.2  # ten clips are few


def test_nano_shows_what_prompts_say() -> None:
    checks = [result.checks() for result in evaluate.evaluate(NANO, CLIPS, {})]
    right = {name: np.mean([each[name] for each in checks]) for name in BARS}
    assert {name: rate for name, rate in right.items() if rate < BARS[name] - SPARE} == {}
