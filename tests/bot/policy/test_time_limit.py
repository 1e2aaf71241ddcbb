"""What would take too long is refused before it is begun, by what earlier GIFs took."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.errors import RefusedError
from bot.jobs.cost_model import CostModels
from bot.policy.time_limit import TimeLimit
from generator.contract.messages import Request
from generator.contract.windows import CONTINUE, LOOP

SHORT = Request(prompt="a", seed=1, width=512, height=512, steps=20, guidance_scale=7.0)


def learnt() -> CostModels:
    costs = CostModels()
    for _ in range(5):
        costs.learn("cuda:0", SHORT, seconds=20.0)
    return costs


def test_a_long_clip_of_windows_is_held_to_what_its_windows_take() -> None:
    limit = TimeLimit(2, learnt().estimate)
    limit.check([SHORT, replace(SHORT, video_length=16, motion=LOOP)])
    with pytest.raises(RefusedError, match=r"about \d+ minutes to make, and 2 are allowed here"):
        limit.check([SHORT, replace(SHORT, video_length=128, motion=CONTINUE)])


def test_without_a_limit_or_a_word_of_the_pace_nothing_is_refused() -> None:
    long = replace(SHORT, video_length=256, motion=CONTINUE)
    TimeLimit(0, learnt().estimate).check([long])
    TimeLimit(1, CostModels().estimate).check([long])
