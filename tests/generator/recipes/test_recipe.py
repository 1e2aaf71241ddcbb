"""Recipes: whole and exact, and believed in nothing that a stranger's file says."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.contract.errors import MediaError, RequestError
from generator.contract.messages import ChosenStage, Control, Lora, Request
from generator.contract.stages import check_stages
from generator.media.clip import Clip
from generator.media.save import save
from generator.recipes.recipe import ModelSettings, Recipe, read_recipe, sha256_of
from tests.generator.media.pictures import moving_ball

REQUEST = Request(
    prompt='a "red" ball 🎈',
    seed=2**64 - 1,
    width=64,
    height=96,
    steps=7,
    guidance_scale=2.5,
    loras=(Lora("/looks/ink.safetensors", -0.5), Lora("owner/name")),
    controls=(Control("canny", 0.7, 0.1, 0.9, "none"), Control("/nets/mine")),
    control_source="/home/me/dancer.gif",
    image="/home/me/dog.png",
    image_strength=0.25,
    original_size=(800, 600),
    stages=(ChosenStage("upscale", 0.4),),
)
RECIPE = Recipe(
    request=REQUEST,
    setup=ModelSettings(
        model="/models/mine", spatial_unet_base="o/base", unet_only=True, precision="bf16"
    ),
    sha256={"/looks/ink.safetensors": "ab" * 32},
    environment={"device": "cpu (AVX2)", "torch": "2.13.0"},
)


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".mp4", ".png", ".jpg"])
def test_a_file_carries_it(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"ball{suffix}"
    save(Clip(moving_ball(2, 32, 32), 300), path, RECIPE.to_json())
    assert read_recipe(path) == RECIPE


def test_strangers_see_no_places() -> None:
    told = RECIPE.without_directories()
    assert "/home" not in told.to_json()
    assert "/looks" not in told.to_json()
    assert [lora.path for lora in told.request.loras] == ["ink.safetensors", "owner/name"]
    assert told.request.control_source == "dancer.gif"
    assert told.request.image == "dog.png"
    assert told.setup.spatial_unet_base == "o/base"
    assert told.sha256 == {"ink.safetensors": "ab" * 32}


@pytest.mark.parametrize("text", ["", "made with love", "[1]", '{"prompt": "x"}', "{" * 9999])
def test_another_comment_is_no_recipe(text: str) -> None:
    assert Recipe.from_json(text) is None


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("request", {"width": "64"}),
        ("request", {"steps": True}),
        ("request", {"seed": 1.5}),
        ("request", {"prompt": None}),
        ("request", {"loras": [{"path": 1}]}),
        ("request", {"loras": ["x"]}),
        ("request", {"loras": 7}),
        ("request", {"controls": [{"kind": "canny", "scale": "strong"}]}),
        ("request", {"original_size": [1, 2, 3]}),
        ("request", {"original_size": "10"}),
        ("request", {"image": 7}),
        ("request", {"image_strength": "half"}),
        ("setup", {"model": ["nano"]}),
        ("sha256", {"x": 1}),
    ],
)
def test_a_recipe_that_makes_no_sense_is_a_sentence(part: str, change: dict[str, Any]) -> None:
    values = json.loads(RECIPE.to_json())
    values[part] |= change
    with pytest.raises(MediaError, match="can't be used"):
        Recipe.from_json(json.dumps(values))


@pytest.mark.parametrize("key", ["request", "setup"])
def test_a_recipe_with_a_part_missing_is_a_sentence(key: str) -> None:
    values = json.loads(RECIPE.to_json())
    wrong: object
    for wrong in (None, 3, []):
        with pytest.raises(MediaError):
            Recipe.from_json(json.dumps(values | {key: wrong}))
    del values[key]
    with pytest.raises(MediaError):
        Recipe.from_json(json.dumps(values))


@pytest.mark.slow
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_no_json_is_a_crash(value: object) -> None:
    for key in ("request", "setup", "sha256"):
        values = json.loads(RECIPE.to_json()) | {key: value}
        with contextlib.suppress(MediaError):
            Recipe.from_json(json.dumps(values))


def test_a_newer_version_s_settings_are_passed_over() -> None:
    values = json.loads(RECIPE.to_json())
    values["request"]["sparkle"] = 1
    assert Recipe.from_json(json.dumps(values)) == RECIPE


def test_a_newer_version_s_stage_is_known_by_its_name_and_refused_by_it() -> None:
    values = json.loads(RECIPE.to_json())
    values["request"]["stages"] = [{"name": "interpolate", "factor": 2}]
    recipe = Recipe.from_json(json.dumps(values))
    assert recipe is not None
    with pytest.raises(RequestError, match="This version doesn't know the stage 'interpolate'"):
        check_stages(recipe.request)
    wrong: object
    for wrong in ("interpolate", {}, [3], [{"name": 3}], [{"strength": 0.4}]):
        values["request"]["stages"] = wrong
        with pytest.raises(MediaError):
            Recipe.from_json(json.dumps(values))


def test_an_older_version_s_begins_from_noise() -> None:
    values = REQUEST.to_dict()
    del values["image"], values["image_strength"]
    assert Request.from_dict(values).steps_made == REQUEST.steps
    recipe = json.loads(RECIPE.to_json()) | {"request": values}
    restored = Recipe.from_json(json.dumps(recipe))
    assert restored is not None
    assert restored.request.image == ""


def test_a_hash_is_of_what_is_in_the_files(tmp_path: Path) -> None:
    (tmp_path / "unet").mkdir()
    weights = tmp_path / "unet" / "a.safetensors"
    weights.write_bytes(b"one")
    whole, alone = sha256_of(tmp_path), sha256_of(weights)
    (tmp_path / "unet" / "notes.txt").write_text("nothing that counts")
    assert sha256_of(tmp_path) == whole
    weights.write_bytes(b"other")
    assert sha256_of(tmp_path) != whole
    assert sha256_of(weights) != alone


def test_a_missing_or_broken_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="can't be read"):
        read_recipe(tmp_path / "missing.gif")
    broken = tmp_path / "broken.png"
    save(Clip(moving_ball(2, 32, 32), 300), broken, RECIPE.to_json())
    broken.write_bytes(broken.read_bytes()[:100])
    with pytest.raises(MediaError, match="damaged"):
        read_recipe(broken)
