"""Automatic1111's parameters, from every format that it writes."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PIL import Image

from generator.recipes.foreign import a1111
from generator.recipes.foreign.convert import parse_foreign_recipe, read_foreign_recipe
from tests.generator.recipes.foreign.pictures import NEGATIVE, PARAMETERS, PROMPT, png, with_exif


@pytest.mark.parametrize("how", ["tEXt", "zTXt", "iTXt"])
def test_a_png_s_parameters(tmp_path: Path, how: str) -> None:
    recipe = read_foreign_recipe(png(tmp_path / "one.png", parameters=(how, PARAMETERS)))
    assert recipe is not None
    assert (recipe.prompt, recipe.negative_prompt) == (PROMPT, NEGATIVE)
    assert (recipe.seed, recipe.steps, recipe.guidance_scale) == (1234567890, 28, 6.5)
    assert (recipe.width, recipe.height) == (832, 1216)
    assert (recipe.scheduler, recipe.sampler) == ("dpmpp_2m_karras", "DPM++ 2M")
    assert recipe.program == "Automatic1111"


def test_letters_of_all_the_world(tmp_path: Path) -> None:
    text = PARAMETERS.replace("a red ball", "ein großer Ball 日本 🎈")
    recipe = read_foreign_recipe(png(tmp_path / "one.png", parameters=("iTXt", text)))
    assert recipe is not None
    assert recipe.prompt.startswith("ein großer Ball 日本 🎈")
    comment = b"UNICODE\0" + text.encode("utf-16-be")
    for name in ("one.jpg", "one.webp"):
        found = read_foreign_recipe(with_exif(tmp_path / name, comment=comment))
        assert found == recipe


@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0" + PARAMETERS.encode("utf-16-le"),
        b"ASCII\0\0\0" + PARAMETERS.encode(),
        b"\0" * 8 + PARAMETERS.encode(),
    ],
)
def test_other_spellings_of_a_user_comment(tmp_path: Path, comment: bytes) -> None:
    recipe = read_foreign_recipe(with_exif(tmp_path / "one.jpg", comment=comment))
    assert recipe is not None
    assert recipe.prompt == PROMPT


def test_a_gif_s_comment(tmp_path: Path) -> None:
    path = tmp_path / "one.gif"
    Image.new("RGB", (32, 32)).save(path, comment=PARAMETERS.encode())
    recipe = read_foreign_recipe(path)
    assert recipe is not None
    assert recipe.seed == 1234567890


@pytest.mark.parametrize(
    ("sampler", "ours"),
    [
        ("Euler a", "euler_a"),
        ("Euler", "euler"),
        ("DPM++ 2M Karras", "dpmpp_2m_karras"),
        ("DPM++ SDE", "dpmpp_sde"),
        ("UniPC", "unipc"),
        ("LCM", "lcm"),
        ("Heun", None),
    ],
)
def test_samplers_by_their_names(sampler: str, ours: str | None) -> None:
    recipe = a1111.read_parameters(f"a cat\nSteps: 5, Sampler: {sampler}, CFG scale: 1, Seed: 3")
    assert recipe is not None
    assert recipe.scheduler == ours


def test_what_isn_t_said_or_makes_no_sense_is_left_out() -> None:
    recipe = a1111.read_parameters(
        "a cat\nSteps: 9000, Sampler: x, CFG scale: nan, Seed: -1, Size: 0xfar"
    )
    assert recipe is not None
    assert recipe.negative_prompt is None
    assert (recipe.seed, recipe.guidance_scale, recipe.width, recipe.height) == (None,) * 4
    assert recipe.steps == 150
    huge = a1111.read_parameters(
        f"a cat\nSteps: 5, Seed: {'9' * 5000}, CFG scale: 7, Size: 8x{'9' * 4000}"
    )
    assert huge is not None
    assert (huge.seed, huge.height) == (None, None)


def test_an_empty_negative_prompt_is_kept_as_one() -> None:
    recipe = a1111.read_parameters("a cat\nNegative prompt: \nSteps: 5, Seed: 1, CFG scale: 7")
    assert recipe is not None
    assert recipe.negative_prompt == ""


@pytest.mark.parametrize("text", ["", "a cat", "Steps: 5", "made, with: love", "\n\n\n", "a\nb: c"])
def test_other_texts_are_none(text: str) -> None:
    assert a1111.read_parameters(text) is None


def test_a_line_made_to_take_long_doesn_t() -> None:
    began = time.process_time()
    for evil in ('a:"' * 30_000, " " * 90_000, "a " * 45_000, 'a: "\\' * 20_000):
        a1111.read_parameters(f"cat\nSteps: 5, Seed: 1, CFG scale: 7, {evil}")
    assert time.process_time() - began < 20


def test_a_prompt_may_speak_of_steps_and_other_programs_begin_with_the_seed() -> None:
    prompt = "a stair\nSteps: up, then down\nNegative prompt: rail\n"
    recipe = a1111.read_parameters(prompt + "Seed: 7, Steps: 20, Sampler: Euler a, CFG scale: 7")
    assert recipe is not None
    assert recipe.prompt == "a stair\nSteps: up, then down"
    assert (recipe.negative_prompt, recipe.seed, recipe.steps) == ("rail", 7, 20)
    assert a1111.read_parameters("Steps: 1\n" * 50_000) is None


def test_what_is_not_done_here_is_named() -> None:
    recipe = parse_foreign_recipe({"parameters": PARAMETERS})
    assert recipe is not None
    assert recipe.left_out == ("Model sd_xl, base", "VAE a.safetensors")
    text = PARAMETERS.replace("DPM++ 2M, Schedule type: Karras", "Heun, ControlNet 0: x")
    recipe = parse_foreign_recipe({"parameters": text})
    assert recipe is not None
    assert recipe.left_out == (
        "Sampler Heun",
        "Model sd_xl, base",
        "VAE a.safetensors",
        "ControlNet",
    )
