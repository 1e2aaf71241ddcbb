"""Weight by weight: what LyCORIS 4.1.3 and PEFT 0.21.2 make of the files that they save.

``tools/record_loras.py`` records them, in an environment of its own, from the libraries' training
forward.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from generator.checkpoints.inspect.lora_layers import Layer, ModelLayers
from generator.checkpoints.inspect.lora_names import TEXT, TEXT_2, UNET
from generator.contract.messages import Lora
from generator.model.lora_manager import LoraManager, LoraTargets

RECORDINGS = Path(__file__).parents[2] / "data" / "loras"
CASES = sorted(path.stem for path in RECORDINGS.glob("*_*.safetensors"))
STRENGTHS = (1.0, 0.0, 0.35, -1.5)


class Small(nn.Module):
    """The layers that all recordings begin from."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(36, 48)
        self.conv = nn.Conv2d(12, 16, 3, padding=1)
        self.norm = nn.LayerNorm(12)
        self.load_state_dict(load_file(RECORDINGS / "before.safetensors"))


def wardrobe_of(small: nn.Module) -> LoraManager:
    layers = {
        name.removesuffix(".weight"): Layer(name.removesuffix(".weight"), tuple(value.shape))
        for name, value in small.state_dict().items()
        if name.endswith(".weight")
    }
    modules = {UNET: small, TEXT: nn.Module(), TEXT_2: nn.Module()}
    return LoraManager(LoraTargets(modules, ModelLayers({UNET: layers, TEXT: {}, TEXT_2: {}})))


def unpacked(case: str, directory: Path) -> tuple[Lora, dict[str, Tensor]]:
    """The adapter as its library saves it, and what the layers became by it."""
    recording = RECORDINGS / f"{case}.safetensors"
    tensors = load_file(recording)
    saved = {name[6:]: value for name, value in tensors.items() if name.startswith("saved.")}
    after = {name[6:]: value for name, value in tensors.items() if name.startswith("after.")}
    save_file(saved, directory / "adapter_model.safetensors")
    with safe_open(recording, "pt") as opened:
        settings = opened.metadata()["settings"]
    if settings:
        (directory / "adapter_config.json").write_text(settings, encoding="utf-8")
    return Lora(str(directory)), after


@pytest.mark.parametrize("case", CASES)
def test_each_weight_is_what_its_trainer_made_of_it_and_linear_from_there(
    tmp_path: Path, case: str
) -> None:
    small = Small()
    before = {name: value.clone() for name, value in small.state_dict().items()}
    lora, after = unpacked(case, tmp_path)
    wardrobe = wardrobe_of(small)
    for strength in STRENGTHS:
        wardrobe.apply([Lora(lora.path, strength)])
        for name, value in small.state_dict().items():
            change = after.get(name, before[name]) - before[name]
            torch.testing.assert_close(
                value,
                before[name] + strength * change,
                rtol=1e-4,
                atol=2e-5 * max(1, abs(strength)),
            )
    assert any((after[name] - before[name]).abs().max() > 0.01 for name in after)
    wardrobe.apply([])
    for name, value in small.state_dict().items():
        assert torch.equal(value, before[name])


def test_there_are_recordings_of_every_way() -> None:
    assert len(CASES) == 34
