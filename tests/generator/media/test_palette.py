"""Palettes: the nearest entry is the nearest, and a film's frames get the palette they deserve."""

from __future__ import annotations

import numpy as np
import pytest

from generator.media import gif_encoder, palette
from generator.media.clip import Clip, Frames
from generator.media.palette import (
    NearestEntries,
    exact_palette,
    packed,
    palette_of,
    unpacked,
    with_fewer_colours,
)
from tests.generator.media.pictures import gradient, moving_ball, read_back

NOISE = np.random.default_rng(3).integers(0, 256, (2, 40, 50, 3), np.uint8)


def test_packed_pixels_come_back_in_the_order_of_red_green_and_blue() -> None:
    assert packed(np.array([1, 2, 3], np.uint8)) == 0x010203
    assert np.array_equal(unpacked(packed(NOISE)), NOISE)
    assert packed(NOISE[:, ::2, 1::3]).shape == (2, 20, 17)


@pytest.mark.parametrize("size", [1, 2, 255, 256])
def test_the_entry_found_is_the_nearest_one(size: int) -> None:
    """However near its rival, and also the second time."""
    entries = NearestEntries(np.random.default_rng(4).integers(0, 256, (size, 3), np.uint8))
    colours = packed(NOISE[0, 0])
    apart = ((NOISE[0, 0][:, None].astype(int) - entries.palette) ** 2).sum(axis=-1)
    for _ in range(2):
        found = entries.find(colours)
        assert np.array_equal(apart[np.arange(len(found)), found], apart.min(axis=-1))


def test_colours_side_by_side_are_told_apart() -> None:
    close = np.array([[100 + r, 100 + g, 100] for r in range(4) for g in range(4)], np.uint8)
    assert np.array_equal(NearestEntries(close).find(packed(close)), np.arange(16))


def test_no_colours_have_no_entries() -> None:
    assert NearestEntries(np.zeros((1, 3), np.uint8)).find(np.empty(0, np.uint32)).shape == (0,)


def test_all_colours_are_kept_where_they_suffice() -> None:
    frames = moving_ball(3)
    exact = exact_palette(frames, 255)
    assert exact is not None
    assert np.array_equal(exact, np.unique(frames.reshape(-1, 3), axis=0))
    assert np.array_equal(with_fewer_colours(frames, len(exact)), frames)
    assert exact_palette(frames, len(exact) - 1) is None


def test_a_clip_in_pieces_gives_the_same_palette(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = np.concatenate([NOISE // 2, NOISE])
    whole = palette_of(frames, 64)
    monkeypatch.setattr(palette, "_PIXELS_AT_ONCE", 100)
    assert np.array_equal(palette_of(frames, 64), whole)


def test_a_scene_after_a_cut_gets_a_palette_of_its_own() -> None:
    """Of a long scene and a short one, each comes out as it would alone."""
    sunny, night = gradient()[:3], gradient()[:1] // 8
    frames = np.concatenate([sunny, sunny, night])
    seen = read_back(gif_encoder.encode(Clip(frames, 700))).frames
    alone = read_back(gif_encoder.encode(Clip(night, 100))).frames
    assert squared_error(seen[-1], night[0]) <= squared_error(alone[0], night[0]) + 1


def squared_error(seen: Frames, wanted: Frames) -> float:
    return float(((seen.astype(float) - wanted) ** 2).mean())
