"""MP4 and JPEG: lossy, so looked at by size, time and colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generator.contract.errors import MediaError
from generator.media import jpeg_encoder, mp4_encoder
from generator.media.clip import Clip
from tests.generator.media.pictures import moving_ball, read_back, read_with_ffmpeg


@pytest.mark.parametrize(("count", "duration"), [(8, 1000), (1, 1000), (24, 1500)])
def test_a_film_has_every_frame_and_its_duration(count: int, duration: int, tmp_path: Path) -> None:
    frames = moving_ball(count)
    seen, said = read_with_ffmpeg(mp4_encoder.encode(Clip(frames, duration)), ".mp4", str(tmp_path))
    assert len(seen) == count
    assert f"Duration: 00:00:0{duration / 1000:.2f}" in said
    assert "h264" in said
    assert "yuv420p" in said
    assert np.abs(seen.astype(int) - frames).mean() < 4


def test_equal_frames_are_all_kept_in_a_film(tmp_path: Path) -> None:
    seen, said = read_with_ffmpeg(
        mp4_encoder.encode(Clip(moving_ball(1)[[0] * 8], 1000)), ".mp4", str(tmp_path)
    )
    assert len(seen) == 8
    assert "Duration: 00:00:01.00" in said


def test_odd_edges_are_filled_up(tmp_path: Path) -> None:
    frames = moving_ball(3, 65, 33)
    seen, _ = read_with_ffmpeg(mp4_encoder.encode(Clip(frames, 300)), ".mp4", str(tmp_path))
    assert seen.shape == (3, 34, 66, 3)
    assert np.abs(seen[:, :33, :65].astype(int) - frames).mean() < 6


def test_what_ffmpeg_refuses_is_a_sentence() -> None:
    with pytest.raises(MediaError, match=r"^ffmpeg can't make this video \(.+\); write a \.gif"):
        mp4_encoder.encode(Clip(moving_ball(2), -5))


def test_jpeg_is_the_first_frame() -> None:
    frames = moving_ball(3)
    seen = read_back(jpeg_encoder.encode(Clip(frames, 1000)))
    assert (seen.format, len(seen.frames)) == ("JPEG", 1)
    assert np.abs(seen.frames[0].astype(int) - frames[0]).mean() < 2
