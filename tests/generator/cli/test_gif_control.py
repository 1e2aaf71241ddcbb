"""``hotshot gif`` with sources, ControlNets and LoRAs, and again from what it made."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file, save_file

from generator.__main__ import main
from generator.media.clip import Clip, Frames
from generator.media.save import save
from generator.recipes.recipe import read_recipe
from tests.generator.media.pictures import moving_ball, read_back
from tests.generator.small_model import CONTROLNET, LORA, small_lora, small_model
from tests.generator.sources.made import gif, gif_of_dots, gif_that_costs, numbered

pytestmark = pytest.mark.slow

REFERENCE = Path(__file__).parents[2] / "data" / "reference"
TINY = REFERENCE / "tiny"
RECORDED_LORA = REFERENCE / "golden" / "lora_diffusers.safetensors"
SOURCE = REFERENCE / "golden" / "controlnet_source.gif"
SMALL = ("--width", "64", "--height", "64", "--steps", "2", "--video-length", "3")

Text = Sequence[str]


def words(output: Path, *more: str) -> list[str]:
    prompt = ("--prompt", "a red ball", "--output", str(output), "--seed", "5")
    return ["gif", *prompt, "--pretrained-path", str(small_model()), *SMALL, *more]


def made(output: Path, *more: str) -> Frames:
    assert main(words(output, *more)) == 0
    return read_back(output.read_bytes()).frames


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[Text], str]:
    """Runs a command line that must be refused; gives the one line it was refused with."""

    def run(line: Text) -> str:
        before = sorted(tmp_path.rglob("*"))
        capsys.readouterr()
        assert main(line) == 2
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert re.match(r"hotshot (gif|inspect): \S", said.err)
        assert sorted(tmp_path.rglob("*")) == before
        return said.err.strip()

    return run


# -- what is made ----------------------------------------------------------------------------------


def test_the_recorded_control_case_by_its_flags(tmp_path: Path) -> None:
    """The README's command, with frames shown as they are, gives the original's frames."""
    case = json.loads((REFERENCE / "golden" / "index.json").read_text())["controlnet"]
    recorded = load_file(REFERENCE / "golden" / "videos.safetensors")["controlnet"]
    output = tmp_path / "ball.png"
    line = ["gif", "--output", str(output), "--pretrained_path", str(TINY)]
    for flag in ("prompt", "negative_prompt", "width", "height", "video_length", "seed"):
        line += [f"--{flag}={case[flag]}"]
    line += [f"--steps={case['num_inference_steps']}", f"--gif={SOURCE}"]
    line += [f"--control_type={REFERENCE / 'tiny-controlnet'}"]
    line += ["--control_annotator=none", "--precision=f32"]
    assert main(line) == 0
    apart = np.abs(read_back(output.read_bytes()).frames.astype(int) - recorded)
    assert (apart <= 1).mean() >= 0.999


def test_flags_of_several_controlnets_reach_each(tmp_path: Path) -> None:
    one = ("--control-type", str(CONTROLNET), "--gif", str(SOURCE), "--control-annotator", "canny")
    two = (*one, "--control-type", str(CONTROLNET), "--control-annotator", "none")
    weak = (*two, "--controlnet-conditioning-scale", "1", "--controlnet-conditioning-scale", "0")
    single = made(tmp_path / "1.png", *one, "--controlnet-conditioning-scale", "1")
    assert np.array_equal(made(tmp_path / "2.png", *weak), single)
    assert not np.array_equal(made(tmp_path / "3.png", *two), single)


def test_loras_with_and_without_strength(tmp_path: Path) -> None:
    plain = made(tmp_path / "0.png")
    whole = made(tmp_path / "1.png", "--lora", str(LORA))
    halves = made(tmp_path / "2.png", "--lora", f"{LORA}:0.5", "--lora", f"{LORA}:0.5")
    none = made(tmp_path / "3.png", "--lora", f"{LORA}:0")
    assert np.array_equal(none, plain)
    assert not np.array_equal(whole, plain)
    assert (np.abs(halves.astype(int) - whole) <= 2).mean() > 0.99


def test_a_file_is_made_again_from_its_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--control-type", str(CONTROLNET), "--gif", str(SOURCE), "--lora", f"{LORA}:0.7")
    first = made(tmp_path / "1.webp", *flags, "--guidance-end", "0.5")
    again = tmp_path / "2.png"
    line = ["gif", "--from", str(tmp_path / "1.webp"), "--output", str(again)]
    assert main(line) == 2
    assert "would open the model" in capsys.readouterr().err
    assert main([*line, "--trust"]) == 0
    assert np.array_equal(read_back(again.read_bytes()).frames, first)
    other = tmp_path / "3.png"
    line = ["gif", "--trust", "--from", str(again), "--output", str(other), "--seed", "6"]
    assert main(line) == 0
    assert not np.array_equal(read_back(other.read_bytes()).frames, first)

    capsys.readouterr()
    assert main(["inspect", str(other), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["frames"], facts["width"], facts["height"]) == (3, 64, 64)
    assert facts["recipe"]["prompt"] == "a red ball"
    assert facts["recipe"]["seed"] == 6
    assert facts["recipe"]["loras"] == [{"path": str(LORA), "strength": 0.7}]
    assert {str(small_model()), str(LORA), str(CONTROLNET), str(SOURCE)} == set(
        facts["recipe"]["sha256"]
    )
    assert main(["inspect", str(other)]) == 0
    assert "prompt: a red ball" in capsys.readouterr().out


def test_a_file_that_changed_since_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "source.gif"
    source.write_bytes(gif(moving_ball(4, 64, 64), [100] * 4))
    flags = ("--control-type", str(CONTROLNET), "--gif", str(source))
    made(tmp_path / "1.png", *flags)
    source.write_bytes(gif(moving_ball(5, 64, 64), [100] * 5))
    again = [
        "gif",
        "--trust",
        "--from",
        str(tmp_path / "1.png"),
        "--output",
        str(tmp_path / "2.png"),
    ]
    capsys.readouterr()
    assert main(again) == 0
    assert f"{source} isn't what it was" in capsys.readouterr().err


def test_another_device_or_version_is_told_where_a_file_is_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, again = tmp_path / "1.gif", tmp_path / "2.gif"
    small = ["--steps", "2", "--width", "64", "--height", "64", "--video-length", "2"]
    assert main(["gif", "--prompt", "a red ball", *small, "--output", str(first)]) == 0
    recipe = read_recipe(first)
    assert recipe is not None
    assert recipe.environment["torch"] == version("torch")
    assert recipe.environment["device"].startswith("cpu (")
    line = ["gif", "--from", str(first), "--output", str(again)]
    capsys.readouterr()
    assert main(line) == 0
    assert "first made with" not in capsys.readouterr().err

    there = replace(recipe, environment={**recipe.environment, "device": "Z80", "torch": "1.0"})
    save(Clip(moving_ball(2, 64, 64), 300), first, there.to_json())
    assert main(line) == 0
    assert "first made with device Z80, torch 1.0, and now" in capsys.readouterr().err


def test_a_preview_alone_needs_no_weights(tmp_path: Path) -> None:
    preview = tmp_path / "seen.png"
    line = ["gif", "--prompt", "x", "--control-type", "/no/net", "--gif", str(SOURCE)]
    line += ["--pretrained-path", str(TINY), "--control-preview", str(preview)]
    assert main([*line, "--control-annotator", "none"]) == 0
    recorded = load_file(REFERENCE / "golden" / "videos.safetensors")["controlnet.control_frames"]
    assert np.array_equal(read_back(preview.read_bytes()).frames, recorded)
    assert list(tmp_path.iterdir()) == [preview]


def test_a_file_that_must_fit_says_what_it_lacks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "ball.gif"
    made(output, "--max-bytes", "6000")
    assert output.stat().st_size <= 6000
    assert "To fit 6,000 bytes: 32 instead of 256 colours" in capsys.readouterr().out


# -- what is refused -------------------------------------------------------------------------------


def a_file(name: str, make: Callable[[], bytes]) -> Callable[[Path], str]:
    def write(directory: Path) -> str:
        (directory / name).write_bytes(make())
        return str(directory / name)

    return write


def one_pixel_wide(directory: Path) -> str:
    Image.new("RGB", (1, 64)).save(directory / "thin.png")
    return str(directory / "thin.png")


BAD_SOURCES: list[tuple[str | Callable[[Path], str], str]] = [
    ("/no/such/dancer.gif", "no file at"),
    (a_file("text.gif", lambda: b"hello, world"), "isn't a picture or video that can be read"),
    (a_file("one.gif", lambda: gif(numbered(1), [100])), "only one frame"),
    (one_pixel_wide, "at least 8 pixels"),
    (a_file("cut.gif", lambda: gif(moving_ball(8), [100] * 8)[:3000]), "cut off"),
    (a_file("long.gif", lambda: gif_of_dots(100_000, 64, 64)), "more than 2,000 frames"),
    (a_file("huge.gif", lambda: gif_that_costs(100, 4096)), "too much to read"),
    ("http://127.0.0.1:9/a.gif", "private network"),
    ("http://localhost:9/a.gif", "private network"),
    ("http://169.254.169.254/latest/meta-data", "private network"),
    ("http://[::1]/a.gif", "private network"),
    ("http://", "isn't a web address"),
    ("~nobody-here/a.gif", "no file at"),
    ("x" * 5000, "no file at"),
]


@pytest.mark.parametrize(("source", "sentence"), BAD_SOURCES)
def test_a_bad_source_is_one_line(
    source: str | Callable[[Path], str],
    sentence: str,
    tmp_path: Path,
    refused: Callable[[Text], str],
) -> None:
    given = source if isinstance(source, str) else source(tmp_path)
    line = words(tmp_path / "ball.gif", "--control-type", "canny", "--gif", given)
    assert sentence in refused(line)


def with_header_of_100_mb(path: Path) -> None:
    with path.open("wb") as opened:
        opened.write((100_000_000).to_bytes(8, "little"))
        opened.truncate(100_001_000)


def for_stable_diffusion_1(path: Path) -> None:
    layer = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"
    shapes = {"lora_down.weight": (4, 768), "lora_up.weight": (640, 4)}
    save_file({f"{layer}.{end}": np.zeros(s, np.float32) for end, s in shapes.items()}, path)


def of_another_shape(path: Path) -> None:
    tensors = load_file(small_lora())
    wide = {
        name: np.concatenate([one, one], -1)
        for name, one in tensors.items()
        if ".lora_down." in name
    }
    save_file(tensors | wide, path)


def damaged(path: Path) -> None:
    path.write_bytes(RECORDED_LORA.read_bytes()[:50_000])


@pytest.mark.parametrize(
    ("write", "sentence"),
    [
        (with_header_of_100_mb, "its header isn't JSON"),
        (for_stable_diffusion_1, "was made for Stable Diffusion 1.x"),
        (of_another_shape, "doesn't fit this model"),
        (damaged, "look.safetensors"),
    ],
)
def test_a_bad_lora_is_one_line(
    write: Callable[[Path], None],
    sentence: str,
    tmp_path: Path,
    refused: Callable[[Text], str],
) -> None:
    path = tmp_path / "look.safetensors"
    write(path)
    assert sentence in refused(words(tmp_path / "ball.gif", "--lora", str(path)))


def test_a_lora_or_controlnet_that_is_nowhere_is_one_line(
    tmp_path: Path, refused: Callable[[Text], str]
) -> None:
    output = tmp_path / "ball.gif"
    for place in ("/no/where", "~nobody-here/a", "x" * 5000, "looks/pixels.safetensors"):
        assert "There is no LoRA at" in refused(words(output, "--lora", place))
        missing = ("--control-type", place, "--gif", str(SOURCE), "--control-annotator", "none")
        assert "There is no ControlNet" in refused(words(output, *missing))


def test_a_directory_that_is_no_controlnet_is_one_line(
    tmp_path: Path, refused: Callable[[Text], str]
) -> None:
    line = words(tmp_path / "ball.gif", "--control-type", str(small_model()), "--gif", str(SOURCE))
    assert "isn't a ControlNet's directory" in refused([*line, "--control-annotator", "none"])


def test_a_file_without_a_recipe_is_one_line(
    tmp_path: Path, refused: Callable[[Text], str]
) -> None:
    line = ["gif", "--from", str(SOURCE), "--output", str(tmp_path / "ball.gif")]
    assert "has no recipe" in refused(line)
    for place in (str(tmp_path / "missing.gif"), "x" * 5000):
        assert "There is no file" in refused(["inspect", place])
    assert "isn't a picture or video that can be read" in refused(["inspect", __file__])


def test_a_lora_is_inspected(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", str(RECORDED_LORA)]) == 0
    said = capsys.readouterr().out
    assert "kind: a LoRA" in said
    assert re.search(r"sha256: [0-9a-f]{64}\n", said)
