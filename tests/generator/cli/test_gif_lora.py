"""LoRAs on the command line: ``<lora:name:0.8>`` in a prompt, and what is refused beforehand."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from generator.__main__ import main
from generator.recipes.recipe import read_recipe
from tests.generator.cli.test_gif import SMALL, TINY
from tests.generator.model.test_lora_manager import KOHYA


def gif(output: Path, prompt: str, *more: str, model: str = str(TINY)) -> int:
    named = ("--prompt", prompt, "--output", str(output), "--pretrained-path", model)
    return main(["gif", *named, *SMALL, *more])


def request_of(path: Path) -> dict[str, Any]:
    recipe = read_recipe(path)
    assert recipe is not None
    return recipe.request.to_dict()


def lora_of(path: Path, layer: str, inner: int, out: int) -> Path:
    name = f"lora_unet_{layer.replace('.', '_')}"
    pair = {"down": torch.ones(2, inner), "up": torch.ones(out, 2)}
    save_file({f"{name}.lora_{way}.weight": one for way, one in pair.items()}, path)
    return path


@pytest.mark.slow
def test_a_tag_sets_the_strength_of_the_file_of_that_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made, mine = tmp_path / "made.gif", tmp_path / "My_Style.safetensors"
    mine.write_bytes(KOHYA.read_bytes())
    sha256 = hashlib.sha256(mine.read_bytes()).hexdigest()
    for name in ("my style", "My_Style.safetensors", sha256[:12]):
        prompt = f"a <lora:{name}:0.25> ball, <lora:other:1>"
        assert gif(made, prompt, "--lora", str(mine)) == 0
        request = request_of(made)
        assert request["prompt"] == "a ball"
        assert [one["strength"] for one in request["loras"]] == [0.25]
        assert "<lora:other> isn't used" in capsys.readouterr().err
    assert gif(made, "a ball <lora:my style>", "--lora", f"{mine}:0.5") == 0
    assert [one["strength"] for one in request_of(made)["loras"]] == [0.5]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("model", ["nano", str(TINY)])
def test_one_of_another_width_is_refused_before_anything_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], model: str
) -> None:
    layer = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
    path = lora_of(tmp_path / "wide.safetensors", layer, 2048, 640)
    assert gif(tmp_path / "made.gif", "a ball", "--lora", str(path), model=model) == 2
    said = capsys.readouterr().err
    assert "The LoRA wide.safetensors was made for SDXL and doesn't fit this model" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "made.gif").exists()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.gguf", b"GGUF\x03" + bytes(20), "is a GGUF file"),
        ("a.zip", b"PK\x03\x04" + bytes(40), "is an archive; unpack it"),
        ("a.txt", b"version https://git-lfs.github.com/spec/v1\n", "only a Git LFS pointer"),
        ("a", b"<!DOCTYPE html><html>", "is a web page"),
        ("a.pt", b"\x80\x02}q\x00.", "is a pickle"),
        ("a.safetensors", b"", "is empty"),
    ],
)
def test_inspect_names_what_is_no_model(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes,
    says: str,
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    assert main(["inspect", str(path)]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


@pytest.mark.slow
def test_inspect_says_which_models_it_fits_without_loading_torch(tmp_path: Path) -> None:
    layer = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
    for inner, out, fits in ((2048, 640, ["SDXL"]), (160, 64, ["nano"]), (99, 64, [])):
        path = lora_of(tmp_path / "one.safetensors", layer, inner, out)
        code = (
            "import sys; from generator.__main__ import main; "
            f"code = main(['inspect', {str(path)!r}, '--json']); "
            "assert 'torch' not in sys.modules; sys.exit(code)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        facts = json.loads(done.stdout)
        assert facts["fits"] == fits
        assert ("misfit" in facts) == (not fits)


def test_inspect_of_a_directory_as_peft_saves_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layer = "down_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
    pair = {"A": torch.ones(2, 160), "B": torch.ones(64, 2)}
    tensors = {f"base_model.model.{layer}.lora_{way}.weight": one for way, one in pair.items()}
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    settings = tmp_path / "adapter_config.json"
    settings.write_text('{"r": 2, "lora_alpha": 4}', encoding="utf-8")
    assert main(["inspect", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fits"] == ["nano"]
    settings.write_text('{"r": 2, "init_lora_weights": "olora"}', encoding="utf-8")
    assert main(["inspect", str(tmp_path)]) == 2
    assert "was trained with OLoRA" in capsys.readouterr().err
