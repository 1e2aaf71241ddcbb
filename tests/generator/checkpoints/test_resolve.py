"""Models come from where they are: a directory, or a hub, of which only what is needed is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from generator.checkpoints import resolve
from generator.checkpoints.file_selection import FOLDERS
from generator.checkpoints.lora_tensors import resolve_lora
from generator.contract import limits
from generator.contract.errors import ModelError
from generator.model.loading import load_model
from tests.generator.checkpoints.hub import serving
from tests.generator.reference import CPU, TINY

REPOSITORY = "somebody/Hotshot-XL"


pytestmark = pytest.mark.usefixtures("empty_cache")


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
        directory = resolve.fetch(REPOSITORY, FOLDERS)
        first = list(hub.downloaded)
        resolve.fetch(REPOSITORY, FOLDERS)
        again = hub.downloaded[len(first) :]
    assert files_in(directory) == files_in(TINY)
    assert set(first) <= files_in(TINY)
    assert again == []
    load_model(str(directory), device=CPU, dtype=torch.float32)


def test_half_precision_is_taken_where_there_is_nothing_else(copy_of_tiny: Path) -> None:
    for path in list(copy_of_tiny.glob("*/*.safetensors")):
        path.rename(path.with_suffix(".fp16.safetensors"))
    with serving(REPOSITORY, copy_of_tiny):
        directory = resolve.fetch(REPOSITORY, ("unet",))
    assert sorted(path.name for path in (directory / "unet").iterdir()) == [
        "config.json",
        "diffusion_pytorch_model.fp16.safetensors",
    ]
    assert not (directory / "vae").exists()


def test_the_cache_serves_when_the_hub_is_gone() -> None:
    with serving(REPOSITORY, TINY):
        resolve.fetch(REPOSITORY, ("unet",))
    cached = resolve.fetch(REPOSITORY, ("unet",))
    assert (cached / "unet" / "config.json").is_file()


def test_a_repository_that_is_not_there() -> None:
    with (
        serving(REPOSITORY, TINY),
        pytest.raises(ModelError, match="nobody/Nothing can't be downloaded"),
    ):
        resolve.fetch("nobody/Nothing", ("unet",))


def test_a_hub_that_cannot_be_reached() -> None:
    with pytest.raises(ModelError, match="check the connection"):
        resolve.fetch(REPOSITORY, ("unet",))


def test_offline_the_cache_alone_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(REPOSITORY, TINY) as hub:
        resolve.fetch(REPOSITORY, ("unet",))
        fetched = list(hub.downloaded)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        cached = resolve.fetch(REPOSITORY, ("unet",))
        assert (cached / "unet" / "config.json").is_file()
        with pytest.raises(ModelError, match="isn't in the cache, and HF_HUB_OFFLINE is set"):
            resolve.fetch("somebody/else", ("unet",))
        with pytest.raises(ModelError, match="isn't in the cache, and HF_HUB_OFFLINE is set"):
            resolve.fetch_file(REPOSITORY, ("lora.safetensors",))
        assert hub.downloaded == fetched


def files_of_a_lora(directory: Path, *names: str) -> Path:
    directory.mkdir()
    for name in names:
        (directory / name).write_bytes(name.encode())
    return directory


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (["pytorch_lora_weights.safetensors", "other.safetensors"], "pytorch_lora_weights"),
        (["pixel-art-xl.safetensors", "README.md"], "pixel-art-xl"),
        (["adapter_model.safetensors", "adapter_config.json"], "adapter_model"),
    ],
)
def test_the_file_of_a_lora_s_repository(tmp_path: Path, names: list[str], taken: str) -> None:
    with serving("somebody/lora", files_of_a_lora(tmp_path / "lora", *names)):
        found = resolve_lora("somebody/lora")
        assert found.stem == taken
        assert found.read_bytes() == f"{taken}.safetensors".encode()
        assert resolve_lora(f"somebody/lora/{taken}.safetensors") == found
    assert (found.parent / "adapter_config.json").exists() == (taken == "adapter_model")
    assert resolve_lora("somebody/lora") == found  # by the cache alone


def test_a_file_from_a_hub_that_is_gone(tmp_path: Path) -> None:
    directory = files_of_a_lora(tmp_path / "lora", "lora.safetensors", "other.safetensors")
    for given in ("somebody/lora", "somebody/lora/lora.safetensors"):
        with pytest.raises(ModelError, match="somebody/lora can't be downloaded from the hub"):
            resolve_lora(given)
    with serving("somebody/lora", directory):
        found = resolve_lora("somebody/lora/lora.safetensors")
        with pytest.raises(ModelError, match="somebody/lora has no third"):
            resolve_lora("somebody/lora/third.safetensors")
    assert resolve_lora("somebody/lora/lora.safetensors") == found
    with pytest.raises(ModelError, match="can't be downloaded from the hub"):
        resolve_lora("somebody/lora/other.safetensors")


def test_a_lora_s_repository_with_several_files_or_none(tmp_path: Path) -> None:
    several = files_of_a_lora(tmp_path / "lora", "b.safetensors", "a.safetensors")
    with (
        serving("somebody/lora", several),
        pytest.raises(ModelError, match=r"name one, as in somebody/lora/a\.safetensors"),
    ):
        resolve_lora("somebody/lora")
    with (
        serving("somebody/none", files_of_a_lora(tmp_path / "none", "lora.ckpt")),
        pytest.raises(ModelError, match=r"somebody/none has no \.safetensors file"),
    ):
        resolve_lora("somebody/none")


def test_nano_without_its_weights_says_how_to_make_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(limits, "NANO_DIRECTORY", tmp_path / "weights")
    with pytest.raises(ModelError, match="run 'make nano'"):
        resolve.resolve_model_directory("nano")
