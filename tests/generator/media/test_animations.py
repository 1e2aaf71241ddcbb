"""GIF, WebP and PNG, read back by Pillow and by ffmpeg."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from generator.media import apng_encoder, gif_encoder, webp_encoder
from generator.media.clip import Clip, Frames
from tests.generator.media.pictures import (
    BEIGE,
    gradient,
    moving_ball,
    read_back,
    read_with_ffmpeg,
)

Encode = Callable[[Clip], bytes]
ANIMATED = pytest.mark.parametrize(
    ("encode", "name"),
    [(gif_encoder.encode, "GIF"), (webp_encoder.encode, "WEBP"), (apng_encoder.encode, "PNG")],
)
LOSSLESS = pytest.mark.parametrize("encode", [webp_encoder.encode, apng_encoder.encode])


@ANIMATED
def test_flat_art_comes_back_exactly_with_its_time(encode: Encode, name: str) -> None:
    frames = moving_ball()
    seen = read_back(encode(Clip(frames, 1000)))
    assert seen.format == name
    assert np.array_equal(seen.frames, frames)
    assert sum(seen.durations) == 1000
    assert max(seen.durations) - min(seen.durations) <= 10
    assert seen.loop == 0


@ANIMATED
@pytest.mark.parametrize("order", [[0] * 8, [0, 0, 1, 1, 1, 2, 0, 0]])
def test_equal_frames_are_all_kept(encode: Encode, name: str, order: list[int]) -> None:
    frames = moving_ball(3)[order]
    seen = read_back(encode(Clip(frames, 1000)))
    assert len(seen.durations) == 8
    assert sum(seen.durations) == 1000
    assert np.array_equal(seen.frames, frames)


@ANIMATED
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (65, 33)])
def test_any_size(encode: Encode, name: str, size: tuple[int, int]) -> None:
    random = np.random.default_rng(1)
    few = random.integers(0, 3, (5, size[1], size[0], 3), np.uint8) * 100
    assert np.array_equal(read_back(encode(Clip(few, 700))).frames, few)


@ANIMATED
def test_one_frame_is_a_still_picture(encode: Encode, name: str) -> None:
    frames = moving_ball(1)
    seen = read_back(encode(Clip(frames, 1000)))
    assert np.array_equal(seen.frames, frames)
    assert seen.loop != 0


@ANIMATED
@pytest.mark.parametrize(("count", "duration"), [(24, 1000), (7, 333), (3, 60_000), (11, 1234)])
def test_other_times(encode: Encode, name: str, count: int, duration: int) -> None:
    seen = read_back(encode(Clip(moving_ball(count, 32, 32), duration)))
    assert len(seen.durations) == count
    assert abs(sum(seen.durations) - duration) <= (5 if name == "GIF" else 0)


@LOSSLESS
@pytest.mark.parametrize("frames", [gradient(), moving_ball(4, noise=3)])
def test_nothing_is_lost_of_many_colours(encode: Encode, frames: Frames) -> None:
    assert np.array_equal(read_back(encode(Clip(frames, 500))).frames, frames)


@pytest.mark.parametrize(
    ("encode", "suffix"), [(gif_encoder.encode, ".gif"), (apng_encoder.encode, ".apng")]
)
def test_another_reader_sees_the_same(encode: Encode, suffix: str, tmp_path: Path) -> None:
    frames = moving_ball()[[0, 1, 1, 2, 3, 3, 3, 7]]
    seen, _ = read_with_ffmpeg(encode(Clip(frames, 1000)), suffix, str(tmp_path))
    assert np.array_equal(seen, frames)


def test_a_gif_of_noisy_flat_art_is_flat_still_and_small() -> None:
    frames = moving_ball(noise=1)
    data = gif_encoder.encode(Clip(frames, 1000))
    seen = read_back(data).frames.astype(int)
    background = seen[:, :20]
    assert np.abs(background - np.array(BEIGE)).max() <= 6
    still = (background == background[:1]).all(axis=-1)
    assert still.mean() > 0.95  # no flicker
    assert np.abs(seen - frames).mean() < 2
    assert np.abs(seen - frames).max() <= 16
    assert len(data) < 25_000


def test_a_gif_of_many_colours_is_nearer_than_a_plain_median_cut() -> None:
    frames = gradient()
    seen = read_back(gif_encoder.encode(Clip(frames, 500))).frames
    column = Image.fromarray(frames.reshape(-1, frames.shape[2], 3))
    plain = column.quantize(255, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).convert("RGB")
    plain_error = squared_error(np.asarray(plain).reshape(frames.shape), frames)
    assert squared_error(seen, frames) < 0.8 * plain_error


def squared_error(seen: Frames, wanted: Frames) -> float:
    return float(((seen.astype(float) - wanted) ** 2).mean())


def test_a_rare_colour_is_not_lost_in_a_gif() -> None:
    frames = gradient() // 4 + 190
    frames[:, 40:46, 40:46] = (0, 0, 255)
    seen = read_back(gif_encoder.encode(Clip(frames, 500))).frames[:, 42, 42].astype(int)
    assert np.abs(seen - np.array([0, 0, 255])).max() <= 8


def test_a_gif_of_exactly_255_and_of_256_colours() -> None:
    ramp = np.zeros((2, 16, 16, 3), np.uint8)
    ramp[..., 0] = np.arange(256, dtype=np.uint8).reshape(16, 16)
    all_256 = read_back(gif_encoder.encode(Clip(ramp, 500))).frames
    assert np.abs(all_256.astype(int) - ramp).max() <= 4
    ramp[:, 15, 15] = ramp[:, 0, 0]
    assert np.array_equal(read_back(gif_encoder.encode(Clip(ramp, 500))).frames, ramp)
