"""``hotshot gif`` that begins from a picture or a clip: what is made, told again, and refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from generator.__main__ import main
from generator.media.clip import Frames
from generator.recipes.recipe import sha256_of
from tests.generator.cli.test_gif_control import (
    BAD_SOURCES,
    SOURCE,
    made,
    refused,
)
from tests.generator.cli.test_gif_control import words as words_of
from tests.generator.media.pictures import moving_ball, read_back
from tests.generator.small_model import CONTROLNET, LORA

pytestmark = pytest.mark.slow

__all__ = ["refused"]  # a fixture
STEPS = ("--steps", "4")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "first look.png"
    Image.fromarray(moving_ball(1, 96, 64)[0]).save(path)
    return path


def apart(one: Frames, other: Frames) -> float:
    return float(np.abs(one.astype(int) - other).mean())


def test_nano_stays_near_the_picture_or_goes_away_from_it(tmp_path: Path, picture: Path) -> None:
    def frames_at(strength: str) -> Frames:
        output = tmp_path / f"{strength}.png"
        line = ["gif", "--prompt", "a green star on navy", "--seed", "5", "--steps", "10"]
        line += ["--image", str(picture), "--image_strength", strength, "--output", str(output)]
        assert main([*line, "--video_length", "4"]) == 0
        return read_back(output.read_bytes()).frames

    middle = np.asarray(Image.open(picture).crop((16, 0, 80, 64)).resize((128, 128)))
    near, far = frames_at("0.1"), frames_at("1")
    assert near.shape == far.shape == (4, 128, 128, 3)
    assert apart(near, middle) < 0.5 * apart(far, middle)


def test_a_clip_gives_each_frame_its_own_and_twice_the_size(tmp_path: Path) -> None:
    first = tmp_path / "first.png"
    made(first, *STEPS)
    larger = tmp_path / "larger.png"
    own = ("--trust", "--image", str(first), "--image-strength", "0.25")
    line = ["gif", "--from", str(first), *own]
    assert main([*line, "--width=128", "--height=128", "--output", str(larger)]) == 0
    frames = read_back(larger.read_bytes()).frames
    assert frames.shape == (3, 128, 128, 3)
    moved = [apart(frames[0], frames[index]) for index in range(3)]
    assert moved[0] == 0 < min(moved[1:])


def test_upscale_is_a_second_pass_and_is_made_again_without_and_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, file = made(tmp_path / "first.png", *STEPS), tmp_path / "larger.png"
    larger = made(file, *STEPS, "--upscale", "0.25")
    assert "3 frames of 128 x 128 in" in capsys.readouterr().out
    by_hand = tmp_path / "by hand.png"
    line = ["gif", "--trust", "--from", str(tmp_path / "first.png"), "--width=128", "--height=128"]
    begun = ["--image", str(tmp_path / "first.png"), "--image-strength", "0.25"]
    assert main([*line, *begun, "--output", str(by_hand)]) == 0
    assert np.array_equal(larger, read_back(by_hand.read_bytes()).frames)

    def again(*flags: str) -> Frames:
        output = tmp_path / "again.png"
        assert main(["gif", "--from", str(file), *flags, "--trust", "--output", str(output)]) == 0
        return read_back(output.read_bytes()).frames

    assert np.array_equal(again(), larger)
    assert np.array_equal(again("--upscale", "0"), first)
    assert not np.array_equal(again("--upscale"), larger)
    capsys.readouterr()
    assert main(["inspect", str(file), "--json"]) == 0
    recipe = json.loads(capsys.readouterr().out)["recipe"]
    assert recipe["stages"] == [{"name": "upscale", "strength": 0.25}]


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--upscale", "2"), "The strength of upscale must be from 0.05 to 1, not 2"),
        (("--upscale", "much"), "is not a number"),
        (("--upscale", "--width=256", "--height=256"), "512 x 512 is too large for this model"),
    ],
)
def test_a_second_pass_that_can_t_be_is_one_line(
    flags: tuple[str, ...], sentence: str, tmp_path: Path, refused: Callable[[list[str]], str]
) -> None:
    assert sentence in refused(words_of(tmp_path / "ball.gif", *flags))


def test_it_goes_with_everything_else_and_is_made_again(
    tmp_path: Path, picture: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    control = ("--control-type", str(CONTROLNET), "--gif", str(SOURCE))
    flags = (*control, "--lora", f"{LORA}:0.5", "--image", str(picture), "--low-vram-mode")
    first = made(tmp_path / "1.webp", *STEPS, *flags)
    again = tmp_path / "2.png"
    line = ["gif", "--trust", "--from", str(tmp_path / "1.webp"), "--output", str(again)]
    assert main(line) == 0
    assert apart(read_back(again.read_bytes()).frames, first) < 0.5
    capsys.readouterr()
    assert main(["inspect", str(again), "--json"]) == 0
    recipe = json.loads(capsys.readouterr().out)["recipe"]
    assert (recipe["image"], recipe["image_strength"]) == (str(picture), 0.7)
    assert recipe["sha256"][str(picture)] == sha256_of(picture)

    Image.fromarray(moving_ball(1, 64, 64)[0]).save(picture)
    assert main(line) == 0
    assert f"{picture} isn't what it was" in capsys.readouterr().err
    picture.unlink()
    assert main(line) == 2
    assert f"The image can't be used. There is no file at {picture}" in capsys.readouterr().err
    assert main([*line, "--image", ""]) == 0  # without it


def test_a_still(tmp_path: Path, picture: Path) -> None:
    assert len(made(tmp_path / "1.jpg", "--video-length", "1", "--image", str(picture))) == 1


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--image-strength", "0.5"), "an image strength but no image; give --image"),
        (
            ("--image", str(SOURCE), "--image-strength", "0"),
            "image strength must be from 0.05 to 1",
        ),
        (("--image", str(SOURCE), "--image-strength", "1.01"), "must be from 0.05 to 1, not 1.01"),
        (("--image", str(SOURCE), "--image-strength", "nan"), "must be from 0.05 to 1, not nan"),
        (("--image", str(SOURCE), "--image-strength", "half"), "is not a number"),
    ],
)
def test_a_bad_strength_is_one_line(
    flags: tuple[str, ...], sentence: str, tmp_path: Path, refused: Callable[[list[str]], str]
) -> None:
    assert sentence in refused(words_of(tmp_path / "ball.gif", *flags))


@pytest.mark.parametrize(
    ("source", "sentence"), [one for one in BAD_SOURCES if "only one frame" not in one[1]]
)
def test_a_bad_picture_is_one_line(
    source: str | Callable[[Path], str],
    sentence: str,
    tmp_path: Path,
    refused: Callable[[list[str]], str],
) -> None:
    given = source if isinstance(source, str) else source(tmp_path)
    said = refused(words_of(tmp_path / "ball.gif", "--image", given))
    assert sentence in said
    assert "source" not in said.replace("resource", "")
