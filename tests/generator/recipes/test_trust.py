"""A stranger's recipe opens nothing by itself: what it names is said, and wants --trust."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from generator.__main__ import main
from generator.contract.errors import RequestError
from generator.contract.limits import NANO_DIRECTORY
from generator.contract.messages import Control, Lora, Request
from generator.media.clip import Clip
from generator.media.save import save
from generator.recipes.recipe import ModelSettings, Recipe, read_recipe
from generator.recipes.trust import check_trusted
from tests.generator.media.pictures import moving_ball, read_back
from tests.generator.recipes.foreign.pictures import PARAMETERS, dumped, png, simple_graph

PLAIN = Request(
    prompt="a red ball", seed=7, width=64, height=64, steps=2, guidance_scale=1.0, video_length=2
)
SHIPPED = str(NANO_DIRECTORY / "loras/outlines.safetensors")


def recipe(setup: dict[str, Any] | None = None, **changes: Any) -> Recipe:
    return Recipe(request=replace(PLAIN, **changes), setup=ModelSettings(**(setup or {})))


def carried(path: Path, made: Recipe) -> Path:
    save(Clip(moving_ball(2, 32, 32), 200), path, made.to_json())
    return path


CANNY: dict[str, Any] = {"controls": (Control("canny"),)}


@pytest.mark.parametrize(
    "free",
    [
        recipe(),
        recipe(loras=(Lora(SHIPPED),)),
        recipe(controls=(Control("canny", annotator="none"),)),
        recipe(**CANNY),
    ],
)
def test_what_ships_is_free(free: Recipe) -> None:
    check_trusted(free, ())


@pytest.mark.parametrize(
    ("made", "named"),
    [
        (recipe(image="/home/secret.png"), "the image /home/secret.png"),
        (recipe(image="https://example.org/a.gif"), "the image https://example.org/a.gif"),
        (recipe(control_source="dance.gif"), "the GIF to follow dance.gif"),
        (recipe(loras=(Lora("owner/name"),)), "the LoRA owner/name"),
        (
            recipe(loras=(Lora("ink.safetensors"), Lora("b"))),
            "the LoRA ink.safetensors, the LoRA b",
        ),
        (recipe(loras=(Lora(f"{SHIPPED}/../../../../x"),)), "the LoRA "),
        (recipe({"model": "owner/Model"}), "the model owner/Model"),
        (recipe({"spatial_unet_base": "/b"}), "the base /b"),
        (recipe(controls=(Control("/nets/x"),)), "the ControlNet /nets/x"),
        (recipe(controls=(Control("depth"),)), "the depth model depth-anything/"),
        (recipe({"model": "o/m"}, **CANNY), "the model o/m, the ControlNet canny"),
        (recipe(image="x" * 5000), "the image " + "x" * 79 + "…;"),
        (recipe(loras=tuple(Lora(f"l{n}") for n in range(8))), "the LoRA l3 and 4 more;"),
        (recipe(image="a\nb"), "the image a b;"),
    ],
)
def test_all_else_is_named(made: Recipe, named: str) -> None:
    with pytest.raises(RequestError, match="add --trust") as told:
        check_trusted(made, ())
    assert named in str(told.value)


def test_what_a_flag_replaces_is_somebody_s_own() -> None:
    check_trusted(recipe(image="/home/secret.png"), {"image"})
    check_trusted(recipe({"model": "o/m"}), {"model"})
    with pytest.raises(RequestError, match="the ControlNet canny"):
        check_trusted(recipe(**CANNY), {"model"})  # of the hub, for a model without its own


@pytest.mark.slow
def test_the_command_opens_nothing_until_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "secret.png"
    save(Clip(moving_ball(1, 64, 64), 100), secret)
    file = carried(tmp_path / "theirs.gif", recipe(image=str(secret), image_strength=0.3))
    output = tmp_path / "mine.png"
    line = ["gif", "--from", str(file), "--output", str(output)]
    assert main(line) == 2
    said = capsys.readouterr().err
    assert f"would open the image {str(secret)[:60]}" in said  # a long name is cut
    assert not output.exists()
    assert main([*line, "--trust"]) == 0
    assert main([*line, "--image", ""]) == 0
    assert main(["inspect", str(file)]) == 0  # which opens nothing


@pytest.mark.slow
def test_another_program_s_picture_is_made_as_near_as_it_can_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, texts in (
        ("a1111.png", {"parameters": PARAMETERS}),
        ("comfy.png", {"prompt": dumped(simple_graph())}),
    ):
        file, output = png(tmp_path / name, **texts), tmp_path / f"made-{name}"
        line = ["gif", "--from", str(file), "--output", str(output), "--video-length", "1"]
        assert main([*line, "--steps", "2"]) == 0
        made = read_recipe(output)
        assert made is not None
        shape = read_back(output.read_bytes()).frames.shape
        assert shape[1] > shape[2]  # both are portraits, of more pixels than nano makes
        said = capsys.readouterr()
        assert main(["inspect", str(file), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)["recipe"]
        assert (told["seed"], told["guidance_scale"]) == (
            made.request.seed,
            made.request.guidance_scale,
        )
        assert made.request.scheduler == told["scheduler"]
        if name == "a1111.png":
            assert "<lora:" not in made.request.prompt
            assert "<lora:pixels> isn't used" in said.err
