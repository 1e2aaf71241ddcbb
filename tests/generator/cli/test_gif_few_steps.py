"""A distilled LoRA on the command line: known, sampled as its card says, and made again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from torch import nn

from generator.__main__ import main
from generator.contract.few_steps import METADATA_KEY
from generator.contract.limits import NANO_DIRECTORY
from generator.model.unet import HotshotUNet
from generator.nano import measure
from tests.generator.cli.test_gif_lora import request_of
from tests.generator.media.pictures import read_back
from tests.generator.small_model import small_lora, small_model
from tools.nano import consistency

SMALL = ("--width", "64", "--height", "64", "--video-length", "2", "--seed", "3")


@pytest.fixture
def passes() -> Iterator[list[int]]:
    """The sizes of the batches that UNets were asked about, one for each pass."""
    seen: list[int] = []

    def note(module: nn.Module, given: tuple[Any, ...], said: dict[str, Any]) -> None:
        if isinstance(module, HotshotUNet):
            sample = given[0] if given else said["sample"]
            seen.append(len(sample))

    hook = nn.modules.module.register_module_forward_pre_hook(
        lambda module, given: note(module, given, {})
    )
    yield seen
    hook.remove()


def gif(output: Path, *more: str) -> int:
    return main(["gif", "--output", str(output), *more])


def made_with(output: Path, lora: Path, *more: str) -> dict[str, Any]:
    words = ("--prompt", "a cat", "--pretrained-path", str(small_model()), "--lora", str(lora))
    assert gif(output, *words, *SMALL, *more) == 0
    return request_of(output)


def named(path: Path, metadata: dict[str, str] | None = None) -> Path:
    save_file(load_file(small_lora()), path, metadata=metadata)
    return path


def sampling(request: dict[str, Any]) -> tuple[str, int, float]:
    return request["scheduler"], request["steps"], request["guidance_scale"]


@pytest.mark.slow
def test_one_pass_a_step_and_the_same_gif_again(tmp_path: Path, passes: list[int]) -> None:
    made, again = tmp_path / "made.gif", tmp_path / "again.gif"
    lora = named(tmp_path / "sdxl_lightning_4step_lora.safetensors")
    assert sampling(made_with(made, lora)) == ("euler_trailing", 4, 1)
    assert passes == [1] * 4
    assert gif(again, "--from", str(made), "--trust") == 0
    assert again.read_bytes() == made.read_bytes()
    assert gif(again, "--from", str(made), "--trust", "--quality", "fine") == 0
    assert sampling(request_of(again)) == ("euler_trailing", 4, 1)
    passes.clear()
    plain = named(tmp_path / "ink.safetensors")
    assert sampling(made_with(made, plain, "--steps", "2")) == ("euler_a", 2, 5)
    assert passes == [2] * 2


@pytest.mark.slow
def test_it_is_known_by_its_metadata(tmp_path: Path) -> None:
    made = tmp_path / "made.png"
    by_title = named(tmp_path / "a.safetensors", {"modelspec.title": "My TCD"})
    assert sampling(made_with(made, by_title, "--quality", "draft")) == ("tcd", 4, 1)
    by_key = named(tmp_path / "b.safetensors", {METADATA_KEY: "dmd-2"})
    assert sampling(made_with(made, by_key)) == ("lcm_trailing", 2, 1)
    in_directory = tmp_path / "Hyper-SDXL-1step"
    in_directory.mkdir()
    named(in_directory / "pytorch_lora_weights.safetensors")
    assert sampling(made_with(made, in_directory)) == ("lcm", 2, 1)


@pytest.mark.slow
def test_what_is_said_counts_and_one_that_is_off_does_not(tmp_path: Path) -> None:
    made, lora = tmp_path / "made.png", named(tmp_path / "lcm.safetensors")
    flags = ("--steps", "3", "--guidance-scale", "1.5", "--scheduler", "euler")
    assert sampling(made_with(made, lora, *flags)) == ("euler", 3, 1.5)
    off = Path(f"{lora}:0")
    assert sampling(made_with(made, off, "--steps", "1")) == ("euler_a", 1, 5)


@pytest.mark.slow
def test_no_two_kinds_sample_alike(tmp_path: Path) -> None:
    kinds = ("lcm-4", "lightning-4", "hyper-sd-4", "tcd-4", "dmd-4")
    frames = set()
    for kind in kinds:
        made = tmp_path / f"{kind}.png"
        made_with(made, named(tmp_path / f"{kind}.safetensors", {METADATA_KEY: kind}))
        picture = made.read_bytes()
        frames.add(picture[picture.index(b"fcTL") :][:4000])
    assert len(frames) == len(kinds)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("a red ball bouncing on a black background", ("red", "ball", "bouncing", "black")),
        ("un carré jaune qui monte sur fond gris", ("yellow", "square", "moving up", "gray")),
    ],
)
def test_nano_s_own_one_shows_in_four_passes_what_a_prompt_says(
    prompt: str, shown: tuple[str, ...], tmp_path: Path, passes: list[int]
) -> None:
    made = tmp_path / "made.png"
    lora = NANO_DIRECTORY / consistency.FILE
    assert gif(made, "--prompt", prompt, "--lora", str(lora), "--seed", "7") == 0
    assert sampling(request_of(made)) == ("lcm", 4, 1)
    assert passes == [1] * 4
    seen = measure.measure_clip(read_back(made.read_bytes()).frames)
    assert seen is not None
    assert (seen.color, seen.shape, seen.motion, seen.background) == shown
