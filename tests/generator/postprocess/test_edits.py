"""Other versions of a finished file: what the frames and the time become."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from generator.contract.errors import MediaError
from generator.media.clip import Clip
from generator.media.comment import comment_of
from generator.media.save import save
from generator.postprocess import edits


def clip(frames: int = 8) -> Clip:
    """Each frame is brighter than the one before."""
    grays = np.arange(frames, dtype=np.uint8)[:, None, None, None] * 20
    return Clip(np.broadcast_to(grays, (frames, 48, 64, 3)).copy(), 1000)


def grays(made: Clip) -> list[int]:
    return [int(frame[0, 0, 0]) // 20 for frame in made.frames]


def test_order_and_time() -> None:
    assert grays(edits.reverse(clip(4))) == [3, 2, 1, 0]
    there_and_back = edits.ping_pong(clip(4))
    assert grays(there_and_back) == [0, 1, 2, 3, 2, 1]
    assert there_and_back.duration_ms == 1500
    assert edits.speed(clip(), 2.0).duration_ms == 500
    with pytest.raises(MediaError, match="faster"):
        edits.speed(clip(8), 10)


def ball(middles: list[int], noise: float = 0.0) -> Clip:
    """A disc on black, its middle so far from the left in each frame."""
    down, across = np.mgrid[:96, :128]
    rng = np.random.default_rng(0)
    frames = [
        np.where(np.hypot(across - x, down - 48)[..., None] < 14, (250, 60, 60), (0, 0, 0))
        + rng.uniform(0, noise, (96, 128, 3))
        for x in middles
    ]
    return Clip(np.clip(frames, 0, 255).astype(np.uint8), 100 * len(middles))


def are_among(some: Clip, others: Clip) -> bool:
    """Whether each frame is one of the others: nothing is seen twice in it."""
    return all(any(np.array_equal(one, other) for other in others.frames) for one in some.frames)


@pytest.mark.parametrize("step", [6, 14, 30])
def test_what_never_comes_back_goes_there_and_back(step: int) -> None:
    """However far it jumps: further than it is wide, pixels alone would call it a loop."""
    source = ball(list(range(10, 120, step)))
    made = edits.loop(source)
    assert len(made.frames) == 2 * len(source.frames) - 2
    assert are_among(made, source)
    assert edits.apply_edits(source, [("loop", "")], ".gif").notes


def test_what_comes_back_is_cut_there() -> None:
    """It swings by a fifth more than once there and back."""
    swing = [round(64 + 40 * np.sin(2 * np.pi * index / 10)) for index in range(12)]
    source = ball(swing, noise=8.0)
    made = edits.loop(source)
    assert len(made.frames) in (10, 11)
    assert made.duration_ms == 100 * len(made.frames)
    assert are_among(made, source)
    assert not edits.apply_edits(source, [("loop", "")], ".gif").notes


@pytest.mark.slow
def test_a_sticker_is_as_discord_takes_it() -> None:
    """Noise, which packs worst, for too long: less of everything but of its size."""
    rng = np.random.default_rng(0)
    noise = Clip(rng.integers(0, 256, (7, 96, 128, 3)).astype(np.uint8), 9000)
    made = edits.apply_edits(noise, [("sticker", "")], ".gif", "a recipe")
    assert len(made.data) <= 512 * 1024
    with Image.open(io.BytesIO(made.data)) as picture:
        assert picture.size == (320, 320)
        assert getattr(picture, "n_frames", 1) > 1
        lasts = 0
        for frame in range(getattr(picture, "n_frames", 1)):
            picture.seek(frame)
            lasts += picture.info["duration"]
    assert 4500 <= lasts <= 5000
    assert "faster" in str(made.notes[0])
    assert "colours" in str(made.given_up[0])
    assert comment_of(made.data) == "a recipe"


def test_a_small_clip_is_a_sticker_without_loss() -> None:
    made = edits.apply_edits(ball([20, 40, 60, 80]), [("sticker", "")], ".gif")
    assert (made.notes, made.given_up) == ((), ())
    with Image.open(io.BytesIO(made.data)) as picture:
        assert (picture.size, getattr(picture, "n_frames", 1)) == ((320, 320), 4)


def test_an_emoji_may_be_smaller() -> None:
    rng = np.random.default_rng(0)
    noise = Clip(rng.integers(0, 256, (4, 128, 128, 3)).astype(np.uint8), 1000)
    place = replace(edits.UPLOAD_TARGETS["emoji"], max_bytes=8_000)
    assert len(edits.fit_for_upload(noise, place).data) <= 8_000
    with pytest.raises(MediaError, match="can't be made to fit"):
        edits.fit_for_upload(clip(), replace(place, max_bytes=10))


def test_one_edit_after_another() -> None:
    steps = [("reverse", ""), ("sticker", ""), ("caption", "hi"), ("emoji", "")]
    made = edits.apply_edits(ball([20, 40, 60, 80]), steps, ".gif")
    with Image.open(io.BytesIO(made.data)) as picture:
        assert (picture.size, getattr(picture, "n_frames", 1)) == ((128, 128), 4)


@pytest.mark.parametrize(
    ("name", "source", "words"),
    [
        ("loop", ball([20, 40, 60, 80, 60, 40]), "already loops"),
        ("loop", ball([20] * 8), "already loops"),
        ("ping_pong", ball([20, 40, 60, 40]), "there and back"),
        ("ping_pong", clip(1), "there and back"),
        ("reverse", ball([20, 40, 20]), "the same backwards"),
        ("square", Clip(np.zeros((4, 64, 64, 3), np.uint8), 400), "already square"),
        ("faster", clip(1), "still picture"),
        ("slower", clip(1), "still picture"),
    ],
)
def test_what_would_change_nothing_says_so(name: str, source: Clip, words: str) -> None:
    with pytest.raises(MediaError, match=words):
        edits.apply_edits(source, [(name, "")], ".gif")


@pytest.mark.slow
def test_clips_are_joined_at_the_size_of_the_last() -> None:
    first = Clip(np.full((3, 32, 48, 3), 200, np.uint8), 300)
    last = Clip(np.full((3, 16, 24, 3), 50, np.uint8), 750)
    joined = edits.join([first, last])
    assert joined.frames.shape == (5, 16, 24, 3)
    assert joined.frames[:, 0, 0, 0].tolist() == [200, 200, 200, 50, 50]
    assert joined.delays(1000) == [100, 100, 100, 250, 250]
    made = edits.apply_edits(last, [("join", ""), ("reverse", "")], ".gif", before=[first])
    assert made.data[:6] == b"GIF89a"
    with pytest.raises(MediaError, match="nothing to join"):
        edits.apply_edits(last, [("join", "")], ".gif")
    long = Clip(np.zeros((40, 1024, 1024, 3), np.uint8), 4000)
    with pytest.raises(MediaError, match="too long"):
        edits.join([long] * 5)


def test_the_last_frame_alone() -> None:
    assert grays(edits.last_frame(clip(4))) == [3]


def test_a_crop() -> None:
    assert edits.square(clip()).frames.shape[1:3] == (48, 48)


def test_a_caption_is_written_at_the_bottom() -> None:
    plain, made = clip(), edits.caption(clip(), "hi")
    changed = np.abs(made.frames.astype(int) - plain.frames).sum(axis=(0, 2, 3))
    assert changed[-20:].sum() > 0
    assert changed[:4].sum() == 0
    for words in ("", "x" * 201):
        with pytest.raises(MediaError, match="caption"):
            edits.caption(plain, words)


def test_the_recipe_goes_along(tmp_path: Path) -> None:
    source, output = tmp_path / "a.gif", tmp_path / "b.gif"
    save(clip(), source, "a recipe")
    assert edits.main(["reverse", str(source), str(output)]) == 0
    assert comment_of(output.read_bytes()) == "a recipe"


def test_a_file_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.gif").write_bytes(b"nothing")
    assert edits.main(["reverse", str(tmp_path / "a.gif"), str(tmp_path / "b.gif")]) == 2
    assert capsys.readouterr().err.strip().endswith(".")
