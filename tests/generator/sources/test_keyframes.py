"""Which frames are chosen: as recorded from the original, and where it gave up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from generator.sources.geometry import crop_box, scale_to_fill, size_to_fill
from generator.sources.keyframes import choose_key_frames, has_pause

GOLDEN = Path(__file__).parents[2] / "data" / "reference" / "golden"


def recorded(name: str) -> Any:
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", [case for case in recorded("keyframes.json") if "indices" in case])
def test_chosen_as_the_original_chooses(case: dict[str, Any]) -> None:
    delay = case["frame_ms"] // 10 * 10  # a GIF keeps hundredths of a second
    chosen = choose_key_frames(
        [delay] * case["frames"], case["video_length"], case["video_duration"]
    )
    assert chosen == case["indices"]


def test_too_few_frames_are_spread_over_the_whole() -> None:
    assert choose_key_frames([100] * 7, 8, 1000) == [0, 1, 2, 3, 3, 4, 5, 6]
    assert choose_key_frames([100] * 3, 8, 1000) == [0, 0, 0, 1, 1, 2, 2, 2]
    assert choose_key_frames([100], 4, 1000) == [0] * 4


def test_a_single_frame_is_the_middle_one() -> None:
    assert choose_key_frames([100] * 9, 1, 1000) == [4]


def test_each_frame_s_own_delay_counts() -> None:
    """What stands for long is seen for long, wherever in the source it is."""
    held = [100, 100, 800, 100, 100]
    assert choose_key_frames(held, 12, 1200) == [0, 1, *[2] * 8, 3, 4]
    slow_then_fast = [200] * 4 + [50] * 16
    chosen = choose_key_frames(slow_then_fast, 8, 400)
    assert set(chosen) - {0, 1, 2, 3}  # by frames it is the middle; by time the fast part begins
    times = [sum(slow_then_fast[:index]) for index in chosen]
    assert times[-1] - times[0] == pytest.approx(400, abs=100)


@pytest.mark.parametrize("pause", [400, 2_000, 30_000])
def test_a_pause_at_the_end_takes_no_key_frames_from_what_moves(pause: int) -> None:
    """As very many GIFs have one: who follows a motion wants what moves."""
    assert choose_key_frames([50] * 19 + [pause], 8, 1000) == choose_key_frames([50] * 20, 8, 1000)
    assert has_pause([50] * 19 + [pause])


def test_a_pause_anywhere_counts_as_any_other_frame() -> None:
    assert choose_key_frames([2_000] + [50] * 19, 8, 1000) == choose_key_frames([50] * 20, 8, 1000)
    assert choose_key_frames([50] * 10 + [2_000] + [50] * 9, 8, 1000) == choose_key_frames(
        [50] * 20, 8, 1000
    )


def test_uneven_delays_are_no_pause() -> None:
    assert not has_pause([100, 100, 800, 100, 100])
    assert not has_pause([33, 33, 34] * 10)
    assert not has_pause([1_000, 1_200, 900])
    assert not has_pause([0] * 8)


def test_a_delay_that_is_not_told_is_taken_as_the_usual_one() -> None:
    assert choose_key_frames([0, 100, 0, 100, 100, 100, 100, 100], 8, 1000) == list(range(8))


@given(
    delays=st.lists(st.integers(0, 655_350), min_size=1, max_size=300),
    count=st.integers(1, 24),
    duration_ms=st.integers(20, 60_000),
)
def test_any_source_gives_as_many_as_asked_in_order(
    delays: list[int], count: int, duration_ms: int
) -> None:
    chosen = choose_key_frames(delays, count, duration_ms)
    assert len(chosen) == count
    assert chosen == sorted(chosen)
    assert chosen[0] >= 0
    assert chosen[-1] < len(delays)


@pytest.mark.parametrize("case", recorded("geometry.json")["crop_coordinates"])
def test_the_crop_is_where_the_original_has_it(case: dict[str, Any]) -> None:
    assert list(crop_box(tuple(case["old"]), tuple(case["new"]))) == case["out"]


@given(
    old=st.tuples(st.integers(8, 600), st.integers(8, 600)),
    new=st.tuples(st.integers(1, 40), st.integers(1, 40)),
)
def test_any_shape_fills_any_other(old: tuple[int, int], new: tuple[int, int]) -> None:
    width, height = size_to_fill(old, new)
    assert width >= new[0]
    assert height >= new[1]
    assert width == new[0] or height == new[1]


@pytest.mark.parametrize(("old", "new"), [((9, 31), (7, 7)), ((31, 9), (16, 8)), ((8, 8), (64, 8))])
def test_the_picture_has_just_the_size_asked_for(
    old: tuple[int, int], new: tuple[int, int]
) -> None:
    assert scale_to_fill(Image.new("RGB", old), new).size == new
