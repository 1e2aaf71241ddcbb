"""Models come from where they are: a directory, or a hub, of which only what is needed is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from generator import limits
from generator.errors import ModelError
from generator.hotshot import sources
from generator.hotshot.loading import load_model
from tests.generator.hotshot.hub import serving
from tests.generator.hotshot.reference import CPU, TINY

REPOSITORY = "somebody/Hotshot-XL"


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))


def files_in(directory: Path) -> set[str]:
    found = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix() for path in found}


def test_only_what_is_needed_is_fetched_and_only_once(copy_of_tiny: Path) -> None:
    unwanted = (
        "unet/diffusion_pytorch_model.bin",
        "unet/diffusion_pytorch_model.fp16.safetensors",
        "hotshot_xl_single_file.safetensors",
        "README.md",
    )
    for name in unwanted:
        (copy_of_tiny / name).write_bytes(b"x" * 100)
    with serving(REPOSITORY, copy_of_tiny) as hub:
        directory = sources.fetch(REPOSITORY, sources.FOLDERS, endpoint=hub.endpoint)
        first = list(hub.downloaded)
        sources.fetch(REPOSITORY, sources.FOLDERS, endpoint=hub.endpoint)
        again = hub.downloaded[len(first) :]
    assert files_in(directory) == files_in(TINY)
    assert set(first) <= files_in(TINY)
    assert again == []
    load_model(str(directory), device=CPU, dtype=torch.float32)


def test_half_precision_is_taken_where_there_is_nothing_else(copy_of_tiny: Path) -> None:
    for path in list(copy_of_tiny.glob("*/*.safetensors")):
        path.rename(path.with_suffix(".fp16.safetensors"))
    with serving(REPOSITORY, copy_of_tiny) as hub:
        directory = sources.fetch(REPOSITORY, ("unet",), endpoint=hub.endpoint)
    assert sorted(path.name for path in (directory / "unet").iterdir()) == [
        "config.json",
        "diffusion_pytorch_model.fp16.safetensors",
    ]
    assert not (directory / "vae").exists()


def test_the_cache_serves_when_the_hub_is_gone() -> None:
    with serving(REPOSITORY, TINY) as hub:
        sources.fetch(REPOSITORY, ("unet",), endpoint=hub.endpoint)
    cached = sources.fetch(REPOSITORY, ("unet",), endpoint=hub.endpoint)
    assert (cached / "unet" / "config.json").is_file()


def test_a_repository_that_is_not_there() -> None:
    with (
        serving(REPOSITORY, TINY) as hub,
        pytest.raises(ModelError, match="nobody/Nothing can't be fetched from the hub"),
    ):
        sources.fetch("nobody/Nothing", ("unet",), endpoint=hub.endpoint)


def test_a_hub_that_cannot_be_reached() -> None:
    with pytest.raises(ModelError, match="check the name and the connection"):
        sources.fetch(REPOSITORY, ("unet",), endpoint="http://127.0.0.1:9")


def test_nano_without_its_weights_says_how_to_make_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(limits, "NANO_DIRECTORY", tmp_path / "weights")
    with pytest.raises(ModelError, match="run 'make nano'"):
        sources.model_directory("nano")
