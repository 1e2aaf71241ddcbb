"""Other versions of a finished file: what the frames and the time become."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generator.errors import MediaError
from generator.media import edits
from generator.media.clip import Clip
from generator.media.comment import comment_of
from generator.media.save import encode, save


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


def test_a_loop_begins_where_it_ends() -> None:
    made = edits.loop(clip(8))
    assert len(made.frames) == 6
    steps = np.abs(np.diff([*made.frames[:, 0, 0, 0].astype(int), made.frames[0, 0, 0, 0]]))
    assert steps.max() < 100  # 140 from the last frame to the first, without
    with pytest.raises(MediaError, match="too few"):
        edits.loop(clip(3))


def test_sizes() -> None:
    assert edits.square(clip()).frames.shape[1:3] == (48, 48)
    edge, most = edits.EMOJI
    emoji = edits.fitted(clip(), edge, most)
    assert emoji.frames.shape[1:3] == (edge, edge)
    assert len(encode(emoji, ".gif")) <= most
    with pytest.raises(MediaError, match="small enough"):
        edits.fitted(clip(), edge, 10)


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
