"""Windows cover every frame, are of one size, and say what they cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from generator.contract.errors import RequestError
from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.contract.options.gif_options import GifOptions
from generator.contract.stages import total_cost
from generator.contract.windows import (
    CONTINUE,
    LOOP,
    MOTIONS,
    STRETCH,
    WindowPlan,
    closed_windows,
    dense_windows,
    frames_at_once,
    frames_computed,
    plan_of,
    pyramid,
    strided_windows,
)

LIMITS = ModelLimits()
LONG = GifOptions[str](prompt="a ball", frames=32, motion=LOOP, steps=10).to_request(LIMITS)


@pytest.mark.parametrize("motion", MOTIONS)
@pytest.mark.parametrize("size", [2, 3, 8, 24])
@pytest.mark.parametrize("frames", [1, 2, 9, 31, 64])
def test_every_frame_is_in_a_window_at_every_step(motion: str, frames: int, size: int) -> None:
    plan = WindowPlan(motion, size + frames, size)
    for step in range(7):
        windows = plan.windows(step, 7)
        assert {frame for window in windows for frame in window} == {*range(size + frames)}
        for window in windows:
            assert len({*window}) == len(window) <= size
            assert motion == STRETCH or len(window) == size


def test_windows_are_where_they_are_said_to_be() -> None:
    assert dense_windows(10, 4) == ((0, 1, 2, 3), (2, 3, 4, 5), (4, 5, 6, 7), (6, 7, 8, 9))
    assert closed_windows(6, 4) == ((0, 1, 2, 3), (2, 3, 4, 5), (4, 5, 0, 1))
    assert strided_windows(7, 4) == ((0, 2, 4, 6), (1, 3, 5))
    assert pyramid(5) == (1, 8, 27, 8, 1)
    stretched = WindowPlan(STRETCH, 32, 8)
    strided = [stretched.windows(step, 7) == strided_windows(32, 8) for step in range(7)]
    assert strided == [True] * 4 + [False] + [True] * 2
    assert stretched.windows(4, 7) == dense_windows(32, 8)
    assert stretched.windows(0, 1) == strided_windows(32, 8)


def test_a_closed_loop_s_windows_are_the_same_wherever_it_begins() -> None:
    windows = {frozenset(window) for window in closed_windows(32, 8)}
    moved = {frozenset((frame + 4) % 32 for frame in window) for window in windows}
    assert windows == moved


def test_only_a_clip_longer_than_its_window_has_any() -> None:
    assert plan_of(replace(LONG, video_length=8)) is None
    assert plan_of(replace(LONG, motion="")) is None
    assert plan_of(replace(LONG, window=24)) == WindowPlan(LOOP, 32, 24)


def test_the_cost_is_of_the_frames_that_windows_compute() -> None:
    def times(request: Request) -> float:
        return total_cost(request).denoised / total_cost(replace(request, motion="")).denoised

    assert frames_computed(LONG) == 10 * 64
    assert times(LONG) == 2
    assert times(replace(LONG, motion=CONTINUE)) == 56 / 32
    assert times(replace(LONG, motion=STRETCH)) == pytest.approx((8 * 32 + 2 * 56) / 320)
    assert (frames_at_once(LONG), frames_at_once(replace(LONG, video_length=4))) == (8, 4)


def test_more_frames_than_fit_go_on_at_the_same_pace() -> None:
    request = GifOptions[str](prompt="a ball", frames=40).to_request(LIMITS)
    LIMITS.check(request)
    assert (request.motion, request.video_duration) == (CONTINUE, 5000)
    short = GifOptions[str](prompt="a ball", frames=24).to_request(LIMITS)
    assert (short.motion, short.video_duration) == ("", 1000)
    remade = GifOptions[str](frames=64, motion=STRETCH).to_request(
        LIMITS, replace(short, video_duration=600)
    )
    assert (remade.motion, remade.video_duration) == (STRETCH, 1600)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"video_length": 1}, "A loop needs more than one frame"),
        ({"video_length": 257}, "The number of frames must be from 1 to 256, not 257"),
        ({"window": 25}, "The window must be from 2 to 24, not 25"),
        ({"window": 1}, "The window must be from 2 to 24, not 1"),
        ({"motion": "sideways"}, "There is no motion 'sideways'; choose one of continue, stretch"),
        ({"motion": ""}, "This model makes at most 24 frames at once; for more, choose a motion"),
    ],
)
def test_what_can_t_be_made_gets_a_sentence(changes: dict[str, object], sentence: str) -> None:
    LIMITS.check(LONG)
    with pytest.raises(RequestError, match=sentence):
        LIMITS.check(replace(LONG, **changes))  # type: ignore[arg-type]


def test_a_model_of_short_clips_has_short_windows() -> None:
    few = ModelLimits(max_frames=4)
    few.check(GifOptions[str](prompt="a ball", frames=32).to_request(few))
    with pytest.raises(RequestError, match="The window must be from 2 to 4, not 8"):
        few.check(LONG)


def test_versions_that_know_no_windows_read_what_has_none() -> None:
    plain = replace(LONG, motion="")
    assert not {"motion", "window"} & plain.to_dict().keys()
    for request in (plain, LONG, replace(LONG, window=6)):
        assert Request.from_dict(request.to_dict()) == request
