"""Time and changed boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.media.clip import Box, Clip, box_around, changed_boxes
from generator.media.save import encode
from generator.postprocess import edits
from generator.sources.reader import read
from tests.generator.media.pictures import moving_ball


def still(count: int, duration_ms: int) -> Clip:
    return Clip(np.zeros((count, 8, 8, 3), np.uint8), duration_ms)


def test_eight_frames_in_a_second_are_12_13_12_13_hundredths() -> None:
    assert still(8, 1000).delays(100) == [12, 13] * 4


@given(count=st.integers(1, 24), duration_ms=st.integers(20, 60_000))
def test_delays_add_up_and_are_even(count: int, duration_ms: int) -> None:
    clip = still(count, duration_ms)
    assert sum(clip.delays(1000)) == duration_ms
    hundredths = clip.delays(100)
    assert len(hundredths) == count
    assert abs(sum(hundredths) * 10 - duration_ms) <= 5
    assert max(hundredths) - min(hundredths) <= 1


@pytest.mark.parametrize(
    "frames",
    [
        np.zeros((8, 8, 3), np.uint8),
        np.zeros((1, 8, 8, 4), np.uint8),
        np.zeros((0, 8, 8, 3), np.uint8),
        np.zeros((1, 8, 8, 3), np.float32),
    ],
)
def test_anything_but_rgb_frames_is_refused(frames: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        Clip(frames, 1000)


def test_boxes_hold_what_changed_and_equal_frames_keep_a_pixel() -> None:
    frames = np.zeros((3, 10, 12, 3), np.uint8)
    frames[1:, 3:5, 7:10, 1] = 9
    assert changed_boxes(frames) == [Box(0, 0, 12, 10), Box(7, 3, 3, 2), Box(0, 0, 1, 1)]
    assert changed_boxes(frames, grid=2)[1] == Box(6, 2, 4, 3)


def test_a_box_around_one_corner() -> None:
    changed = np.zeros((4, 6), np.bool_)
    changed[3, 5] = True
    assert box_around(changed) == Box(5, 3, 1, 1)


def test_each_frame_s_own_delay_is_kept_by_every_format_and_edit(tmp_path: Path) -> None:
    """So a pause at the end stays one."""
    uneven = (100, 60, 40, 900)
    clip = Clip.timed(moving_ball(4), uneven)
    assert clip.duration_ms == 1100
    for suffix in (".gif", ".webp", ".png"):
        path = tmp_path / f"ball{suffix}"
        path.write_bytes(encode(clip, suffix))
        assert read(path).delays_ms == uneven
    film = tmp_path / "ball.mp4"
    film.write_bytes(encode(clip, ".mp4"))
    assert sum(read(film).delays_ms) == 1100
    assert edits.reverse(clip).own_delays_ms == uneven[::-1]
    assert edits.ping_pong(clip).own_delays_ms == (*uneven, 40, 60)
    assert edits.speed(clip, 2.0).own_delays_ms == (50, 30, 20, 450)
    assert edits.square(clip).own_delays_ms == uneven
    assert clip.every(2).own_delays_ms == (160, 940)


def test_equal_delays_are_nobody_s_own() -> None:
    assert Clip.timed(moving_ball(4), [50] * 4).own_delays_ms == ()
    assert Clip.timed(moving_ball(2), [0, 0]).duration_ms == 200
