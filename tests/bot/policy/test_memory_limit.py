"""A clip that no worker's memory holds is refused before it is begun, with what would fit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.errors import RefusedError
from bot.jobs.roster import WorkerRoster
from bot.policy.memory_limit import MemoryLimit
from generator.contract.messages import ChosenStage, Request
from generator.contract.stages import UPSCALE
from tests.bot.jobs.samples import ABLE

SHORT = Request(prompt="a", seed=1, width=512, height=512, steps=20, guidance_scale=7.0)
LONG = replace(SHORT, video_length=128, motion="continue")
ROOM = 64 * 512 * 512


def test_what_would_fit_is_said() -> None:
    limit = MemoryLimit(lambda _: ROOM)
    limit.check([SHORT, replace(LONG, video_length=64)])
    with pytest.raises(RefusedError, match=r"for 128 frames of 512 x 512; ask for at most 64, or"):
        limit.check([SHORT, LONG])
    twice = replace(LONG, video_length=32, stages=(ChosenStage(UPSCALE),))
    with pytest.raises(RefusedError, match="32 frames of 1024 x 1024; ask for at most 16, or"):
        limit.check([twice])
    with pytest.raises(RefusedError, match="a smaller size or fewer frames"):
        MemoryLimit(lambda _: 1000).check([SHORT])
    MemoryLimit(lambda _: None).check([LONG])


def test_the_largest_worker_of_a_model_counts_once_all_have_said_it() -> None:
    roster = WorkerRoster(lambda: None, lambda _: False)
    model = ABLE.model
    assert roster.clip_pixels(model) is None
    roster.worker_ready("cuda:0", replace(ABLE, clip_pixels=ROOM))
    roster.worker_ready("cuda:1", replace(ABLE, clip_pixels=2 * ROOM))
    assert roster.clip_pixels(model) == 2 * ROOM
    assert roster.clip_pixels("another") is None
    roster.worker_ready("cuda:2", ABLE)  # an earlier version, which doesn't say it
    assert roster.clip_pixels(model) is None
    roster.worker_gone("cuda:2")
    roster.worker_gone("cuda:1")
    assert roster.clip_pixels(model) == ROOM
    roster.worker_loading("cuda:3")  # it may have more
    assert roster.clip_pixels(model) is None
