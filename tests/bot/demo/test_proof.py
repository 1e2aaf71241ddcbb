"""A GIF is proved to be what was asked for, and whatever isn't that is not."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bot.demo.proof import NoProofError, Proof
from generator.media.clip import Clip
from generator.media.save import save
from generator.nano import world

BALL = world.Attributes("red", "ball", "bouncing", "black")
PROMPT = "a red ball bouncing on a black background"


def gif(directory: Path, attributes: world.Attributes = BALL, frames: int = 8) -> bytes:
    clip = Clip(world.render(world.Scene(attributes), 128, 128, frames), 1000)
    save(clip, directory / "made.gif")
    return (directory / "made.gif").read_bytes()


def proved(data: bytes, prompt: str = PROMPT, *, is_nano: bool = True) -> Proof:
    return Proof.of(data, frames=8, prompt=prompt, is_nano=is_nano)


def test_what_was_asked_for_is_as_asked(tmp_path: Path) -> None:
    proof = proved(gif(tmp_path))
    assert proof.is_as_asked
    assert proof.description() == "a red ball, bouncing, on black"


def test_another_thing_is_not(tmp_path: Path) -> None:
    proof = proved(gif(tmp_path), "a blue star growing on beige")
    assert proof.moves
    assert not proof.is_as_asked


def test_a_prompt_from_outside_asks_for_no_more_than_motion(tmp_path: Path) -> None:
    assert proved(gif(tmp_path), "a cat").is_as_asked
    assert proved(gif(tmp_path), "a blue star", is_nano=False).is_as_asked


def test_frames_that_are_all_one_are_not_as_asked(tmp_path: Path) -> None:
    one = world.render(world.Scene(BALL), 128, 128, 8)[:1]
    save(Clip(np.repeat(one, 8, axis=0), 1000), tmp_path / "still.gif")
    data = (tmp_path / "still.gif").read_bytes()
    for prompt in (PROMPT, "a red ball", "a cat"):
        proof = proved(data, prompt)
        assert not proof.moves
        assert not proof.is_as_asked


def test_a_ball_that_spins_need_not_be_seen_to(tmp_path: Path) -> None:
    spinning = world.Attributes("red", "ball", "spinning", "black")
    assert proved(gif(tmp_path, spinning), "a red ball spinning on black").is_as_asked


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda _: b"a ball", "isn't a GIF"),
        (lambda _: b"", "isn't a GIF"),
        (lambda data: data[: len(data) // 2], "damaged|frames"),
        (lambda data: b"RIFF" + data, "isn't a GIF"),
        (lambda data: data[:8], "damaged"),
    ],
)
def test_what_is_no_whole_gif_is_refused(tmp_path: Path, damage: object, why: str) -> None:
    assert callable(damage)
    with pytest.raises(NoProofError, match=why):
        proved(damage(gif(tmp_path)))


def test_a_gif_cut_off_at_any_byte_is_refused_or_whole(tmp_path: Path) -> None:
    data = gif(tmp_path)
    refused = 0
    for end in range(len(data)):
        try:
            proved(data[:end])
        except NoProofError:
            refused += 1
    assert refused > len(data) - 8  # but for the end marks, which nobody needs


def test_too_few_frames_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoProofError, match="has 5 frames, but 8 were asked for"):
        proved(gif(tmp_path, frames=5))


def test_the_sheet_shows_every_frame(tmp_path: Path) -> None:
    proof = proved(gif(tmp_path))
    with Image.open(io.BytesIO(proof.sheet()), formats=("PNG",)) as picture:
        sheet = np.asarray(picture)
    assert sheet.shape == (2 * 132 + 4, 4 * 132 + 4, 3)
    assert np.array_equal(sheet[4:132, 4:132], proof.frames[0])
    assert np.array_equal(sheet[-132:-4, -132:-4], proof.frames[7])
