"""The command line of Hotshot-XL's inference.py, flag by flag in its own spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.__main__ import _parser, main
from generator.cli.parsing import with_dashes
from tests.generator.media.pictures import read_back

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
TINY = REFERENCE / "tiny"
SOURCE = REFERENCE / "golden" / "controlnet_source.gif"
OUTLINES = Path("generator") / "nano" / "weights" / "loras" / "outlines.safetensors"
QUICK = ("--width", "64", "--height", "64", "--steps", "2", "--video_length", "2")

FLAGS = [
    ("--pretrained_path", "hotshotco/Hotshot-XL"),
    ("--xformers",),
    ("--spatial_unet_base", "path/to/unet"),
    ("--lora", "path/to/lora"),
    ("--steps", "30"),
    ("--negative_prompt", "blurry"),
    ("--seed", "455"),
    ("--width", "672"),
    ("--height", "384"),
    ("--target_width", "512"),
    ("--target_height", "512"),
    ("--og_width", "1920"),
    ("--og_height", "1080"),
    ("--video_length", "8"),
    ("--video_duration", "1000"),
    ("--low_vram_mode",),
    *(("--scheduler", name) for name in (
        "EulerAncestralDiscreteScheduler", "EulerDiscreteScheduler", "default",
    )),
    *(("--control_type", kind) for kind in ("depth", "canny")),
    ("--controlnet_conditioning_scale", "0.7"),
    ("--control_guidance_start", "0.0"),
    ("--control_guidance_end", "1.0"),
    ("--gif", "https://media1.giphy.com/media/example/giphy.gif"),
    *(("--precision", name) for name in ("f16", "f32", "bf16")),
    *(("--autocast", name) for name in ("f16", "bf16")),
]  # fmt: skip


@pytest.mark.parametrize("flag", FLAGS, ids=" ".join)
def test_each_flag_is_taken(flag: tuple[str, ...]) -> None:
    line = ["gif", "--prompt", "a bulldog", "--output", "output.gif", *flag]
    arguments = vars(_parser().parse_args(with_dashes(line)))
    value = arguments[flag[0].removeprefix("--")]
    given = value[-1] if isinstance(value, list) else value
    assert str(getattr(given, "path", given)) in (*flag[1:], "True", "0.0", "1.0")


@pytest.mark.slow
def test_all_of_them_at_once_make_a_gif_in_a_directory_that_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "a" / "new" / "directory" / "output.gif"
    line = ["gif", "--pretrained_path", "nano", "--prompt", "a red ball", "--output", str(output)]
    line += ["--negative_prompt", "blurry", "--seed", "455", "--scheduler", "default"]
    line += ["--steps", "2", "--video_length", "8", "--video_duration", "1000"]
    line += ["--width", "168", "--height", "96", "--og_width", "1920", "--og_height", "1080"]
    line += ["--target_width", "512", "--target_height", "512", "--lora", str(OUTLINES)]
    line += ["--control_type", "canny", "--gif", str(SOURCE), "--control_guidance_start", "0.0"]
    line += ["--control_guidance_end", "1.0", "--controlnet_conditioning_scale", "0.7"]
    line += ["--precision", "f32", "--autocast", "bf16", "--xformers", "--low_vram_mode"]
    assert main(line) == 0
    assert read_back(output.read_bytes()).frames.shape == (8, 96, 168, 3)
    assert capsys.readouterr().err == ("--autocast has no effect: --precision decides instead.\n")


@pytest.mark.slow
def test_a_gif_without_a_control_type_is_passed_over_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = []
    for more in ((), ("--gif", str(SOURCE))):
        files.append(tmp_path / f"{len(more)}.png")
        line = ["gif", "--prompt", "a red ball", "--output", str(files[-1]), "--seed", "1"]
        assert main([*line, "--pretrained_path", str(TINY), *QUICK, *more]) == 0
    said = capsys.readouterr().err
    assert said.startswith("--gif is ignored, since there is no --control-type (depth, canny")
    assert said.count("\n") == 1
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_directory_is_not_made_for_nothing(tmp_path: Path) -> None:
    line = ["gif", "--prompt", "a red ball", "--output", str(tmp_path / "new" / "a.gif")]
    assert main([*line, "--steps", "0"]) == 2
    assert list(tmp_path.iterdir()) == []


def test_its_defaults_are_said_where_ours_differ(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["gif", "--help"])
    said = capsys.readouterr().out
    for words in ("--width 672", "--height 384", "--negative-prompt blurry", "--seed 455"):
        assert words in said


@pytest.mark.slow
def test_nano_says_that_it_is_nano_where_a_prompt_is_outside_its_world(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["gif", "--output", str(tmp_path / "a.gif"), *QUICK]
    assert main([*line, "--prompt", "a camel smoking a cigarette"]) == 0
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("This is nano, the small model that ships")
    assert "'camel', 'smoking', 'cigarette'" in said
    assert "--pretrained-path hotshotco/Hotshot-XL" in said
    assert main([*line, "--prompt", "黒い背景で赤いボールが跳ねる"]) == 0
    assert "doesn't understand Japanese" in capsys.readouterr().err
    assert main([*line, "--prompt", "a red ball that is bouncing on black"]) == 0
    assert main([*line, "--prompt", "a camel", "--pretrained-path", str(TINY)]) == 0
    assert capsys.readouterr().err == ""
