"""The same weights give the same frames wherever in a file they lie, and however they are loaded.

Files are written so that their tensors can't lie on a vector's boundary when they are mapped. What
is checked is where tensors lie once they are loaded, on any processor; that frames are equal too
could only fail on some.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from generator.checkpoints import weights
from generator.contract.messages import Control, Lora
from generator.inference.pipeline import HotshotPipeline
from generator.model.loading import HotshotModel, load_model
from generator.model.lora_manager import LoraManager
from tests.generator.checkpoints import civitai
from tests.generator.checkpoints.unaligned import OFF, in_float32, lie_well, save_unaligned, unalign
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.model.test_controlnet import CONTROLNET, latents
from tests.generator.model.test_loading import same_frames
from tests.generator.reference import CPU, REFERENCE, TINY, silent

LORA = REFERENCE / "golden" / "lora_diffusers.safetensors"


def networks(model: HotshotModel) -> list[nn.Module]:
    return [model.unet, model.vae, *model.text.encoders]


def load(model: Path, base: Path | None = None) -> HotshotModel:
    given = str(base) if base else None
    return load_model(str(model), spatial_unet_base=given, device=CPU, dtype=torch.float32)


def test_a_file_written_so_is_mapped_beside_the_boundaries(tmp_path: Path) -> None:
    """Otherwise nothing below would be tested."""
    file = save_unaligned({"a": torch.ones(64), "b": torch.ones(64)}, tmp_path / "a.safetensors")
    header = file.read_bytes()
    length = int.from_bytes(header[:8], "little")
    assert json.loads(header[8 : 8 + length])
    found = weights.read_weights([file])
    assert {value.data_ptr() % 64 for value in found.values()} == {OFF}


@pytest.mark.slow
def test_a_directory(tiny: HotshotModel, copy_of_tiny: Path) -> None:
    unalign(copy_of_tiny)
    model = load(copy_of_tiny)
    assert lie_well(networks(model))
    assert same_frames(model, tiny)


@pytest.mark.slow
def test_a_single_file_beside_a_directory(tiny: HotshotModel, tmp_path: Path) -> None:
    file = save_unaligned(civitai.checkpoint(TINY), tmp_path / "sdxl.safetensors")
    model = load(TINY, file)
    assert lie_well(networks(model))
    assert same_frames(model, tiny)


def test_half_precision_that_stays_so(copy_of_tiny: Path) -> None:
    for path in copy_of_tiny.rglob("*.safetensors"):
        save_unaligned({name: value.half() for name, value in load_file(path).items()}, path)
    model = load_model(str(copy_of_tiny), device=CPU, dtype=torch.float16)
    assert lie_well(networks(model))


def test_a_controlnet(tiny: HotshotModel, tmp_path: Path) -> None:
    copy = shutil.copytree(CONTROLNET, tmp_path / "controlnet")
    unalign(copy)
    assert torch.equal(latents(tiny, Control(str(copy))), latents(tiny, Control(str(CONTROLNET))))
    loaded = tiny.controlnets.get(str(copy))
    assert lie_well([loaded.network, loaded.embedding])


@pytest.fixture
def nothing_worn_after(tiny: HotshotModel) -> Iterable[LoraManager]:
    yield tiny.loras
    tiny.loras.remove()


def test_a_lora(tiny: HotshotModel, tmp_path: Path, nothing_worn_after: LoraManager) -> None:
    copy = save_unaligned(in_float32(LORA), tmp_path / "lora.safetensors")

    def made_with(file: Path) -> Tensor:
        request = replace(QUICK, loras=(Lora(str(file)),))
        return HotshotPipeline(tiny).latents(request, report=silent)

    assert torch.equal(made_with(copy), made_with(LORA))
    assert lie_well(networks(tiny))
    nothing_worn_after.remove()
    assert lie_well(networks(tiny))


def test_only_what_lies_badly_is_copied() -> None:
    tensor = torch.arange(64.0)
    assert weights.aligned(tensor) is tensor
    beside = tensor[1:33]
    assert weights.aligned(beside).data_ptr() % 64 == 0
    assert torch.equal(weights.aligned(beside), beside)
    turned = tensor.reshape(8, 8).T
    assert weights.aligned(turned).is_contiguous()
    assert torch.equal(weights.aligned(turned), turned)
