"""A text inside a file: read back as it was, and nobody sees any other pictures for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from generator.media.clip import Clip
from generator.media.comment import MAX_BYTES, comment_of, with_comment, without_comment
from generator.media.containers import BrokenFileError
from generator.media.save import encode
from generator.sources.reader import read
from tests.generator.media.pictures import moving_ball, read_back, read_with_ffmpeg

TEXT = '{"prompt": "a \\"red\\" ball & <b>größer</b> 🎈", "n": 1}'
SUFFIXES = (".gif", ".png", ".webp", ".jpg", ".mp4")
LONG = "é" * (MAX_BYTES // 2)


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("text", [TEXT, "", LONG, "-->]]>\"'&amp;\n\t"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_it_comes_back(suffix: str, text: str, count: int) -> None:
    data = encode(Clip(moving_ball(count, 64, 48), 500), suffix)
    told = with_comment(data, text)
    assert comment_of(told) == text
    assert comment_of(data) == ""


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("suffix", SUFFIXES[:-1])
def test_the_pictures_stay_as_they_are(suffix: str, count: int) -> None:
    data = encode(Clip(moving_ball(count, 65, 33), 500), suffix)
    before, after = read_back(data), read_back(with_comment(data, TEXT))
    assert np.array_equal(before.frames, after.frames)
    assert (before.durations, before.loop) == (after.durations, after.loop)


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_it_can_be_taken_out_again(suffix: str, count: int) -> None:
    data = encode(Clip(moving_ball(count, 64, 48), 500), suffix)
    clean = without_comment(with_comment(data, TEXT))
    assert comment_of(clean) == ""
    assert b"urn:hotshot" not in clean
    if suffix == ".webp":  # a still picture keeps the head that it was given for the text
        assert np.array_equal(read_back(clean).frames, read_back(data).frames)
    else:
        assert clean == data
    assert without_comment(data) == data


def test_other_programs_find_it(tmp_path: Path) -> None:
    for suffix, key in ((".gif", "comment"), (".jpg", "comment"), (".png", "hotshot")):
        path = tmp_path / f"ball{suffix}"
        path.write_bytes(with_comment(encode(Clip(moving_ball(3), 300), suffix), TEXT))
        with Image.open(path) as picture:
            picture.load()
            said = picture.info.get(key) or getattr(picture, "text", {}).get(key)
        assert (said.decode() if isinstance(said, bytes) else said) == TEXT


def test_a_film_plays_on(tmp_path: Path) -> None:
    data = with_comment(encode(Clip(moving_ball(6), 600), ".mp4"), TEXT)
    frames, said = read_with_ffmpeg(data, ".mp4", str(tmp_path))
    assert len(frames) == 6
    assert "Duration: 00:00:00.60" in said
    assert len(read(tmp_path / "film.mp4").frames) == 6


def test_what_is_too_long_or_carries_none_is_refused() -> None:
    data = encode(Clip(moving_ball(1), 300), ".gif")
    with pytest.raises(ValueError, match="too long"):
        with_comment(data, LONG + "é")
    with pytest.raises(ValueError, match="no comment"):
        with_comment(b"BM" + bytes(50), TEXT)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_breaks_off_is_broken_or_silent(suffix: str) -> None:
    told = with_comment(encode(Clip(moving_ball(3, 32, 32), 300), suffix), TEXT)
    for length in range(0, len(told) - 2, 7):
        try:
            said = comment_of(told[:length])
        except BrokenFileError:
            continue
        assert said == "" or TEXT.startswith(said)


def test_no_picture_says_nothing() -> None:
    assert comment_of(b"") == ""
    assert comment_of(b"hello") == ""
