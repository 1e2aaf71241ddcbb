"""Limits are read from a model's JSON files, whatever stands in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from generator.contract.errors import ModelError
from generator.contract.limits import NANO_DIRECTORY, ModelLimits, local_directory, local_path


def model(directory: Path, unet: dict[str, Any], own: Any = None) -> str:
    (directory / "unet").mkdir()
    (directory / "unet" / "config.json").write_text(json.dumps(unet), encoding="utf-8")
    if own is not None:
        text = own if isinstance(own, str) else json.dumps(own)
        (directory / "generation_config.json").write_text(text, encoding="utf-8")
    return str(directory)


def test_without_a_config_of_its_own_the_original_s_defaults_hold(tmp_path: Path) -> None:
    assert ModelLimits.of(model(tmp_path, {"sample_size": 64})) == ModelLimits()


def test_its_own_defaults(tmp_path: Path) -> None:
    own = {"native_edge": 128, "steps": 8, "guidance_scale": 2, "scheduler": "lcm", "other": [1]}
    limits = ModelLimits.of(model(tmp_path, {}, own))
    assert limits == ModelLimits(native_edge=128, steps=8, guidance_scale=2.0, scheduler="lcm")
    assert isinstance(limits.guidance_scale, float)


@pytest.mark.parametrize("size", ["64", 64.5, [64, 64], {}, True, -1, 3, 10**9, float("nan")])
def test_a_size_that_is_none(tmp_path: Path, size: Any) -> None:
    with pytest.raises(ModelError, match=r"config\.json has sample_size = .*, but a whole"):
        ModelLimits.of(model(tmp_path, {"sample_size": size}))


@pytest.mark.parametrize(
    ("own", "says"),
    [
        ({"native_edge": "128"}, 'native_edge = "128", but a whole number from 32'),
        ({"native_edge": 1e4}, "native_edge = 10000.0, but a whole number"),
        ({"max_frames": 25}, "max_frames = 25, but a whole number from 1 to 24"),
        ({"steps": True}, "steps = true, but a whole number"),
        ({"steps": None}, "steps = null"),
        ({"guidance_scale": "5"}, "but a number from 0 to 30"),
        ({"guidance_scale": float("nan")}, "guidance_scale = NaN"),
        ({"guidance_rescale": 2}, "but a number from 0 to 1"),
        ({"scheduler": "heun"}, "but one of euler_a, euler"),
        ({"scheduler": ["euler"]}, "but one of euler_a"),
        ({"upscale_scheduler": "heun"}, "but one of euler_a, euler"),
        ({"upscale_steps": -1}, "but a whole number from 0 to 150"),
        ([], "isn't a JSON object"),
        ("{", "can't be read"),
        ('{"steps": ' + "9" * 5000 + "}", "can't be read|steps = "),
    ],
)
def test_values_of_a_wrong_kind(tmp_path: Path, own: Any, says: str) -> None:
    with pytest.raises(ModelError, match=says) as caught:
        ModelLimits.of(model(tmp_path, {}, own))
    assert "generation_config.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_hub_ids_and_files_have_the_original_s(tmp_path: Path) -> None:
    file = tmp_path / "temporal.safetensors"
    file.write_bytes(b"")
    for given in ("hotshotco/Hotshot-XL", "owner/name/file.safetensors", str(file)):
        assert ModelLimits.of(given) == ModelLimits()


def test_where_a_model_is(tmp_path: Path) -> None:
    file = tmp_path / "base.safetensors"
    file.write_bytes(b"")
    assert local_path("nano") == NANO_DIRECTORY
    assert local_path(str(tmp_path)) == tmp_path
    assert local_path(str(file)) == file
    assert local_path("owner/name") is None
    assert local_path("owner/name/a/b.safetensors") is None
    with pytest.raises(ModelError, match="is a file, but a whole model is a directory"):
        local_directory(str(file))
    for given in ("nowhere", "./a/b", "/a/b.safetensors", "owner//b.safetensors", "a/b/c", "~/x"):
        with pytest.raises(ModelError, match=r"no model directory|There is no file"):
            local_path(given)
