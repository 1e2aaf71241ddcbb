"""A model as small as one gets, for tests that ask for no recorded number; its ControlNet, a LoRA.

As little learnt as the recorded one, and drawn alike; but a step of its UNet takes a third as long.
"""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from generator.checkpoints.inspect.temporal_names import is_temporal
from generator.model.plain_diffusers import ControlNetModel
from generator.model.unet import HotshotUNet
from tests.generator.reference import REFERENCE, TINY

_Network = TypeVar("_Network", bound=nn.Module)

_LAYERS = {
    "attention_head_dim": [2, 4],
    "block_out_channels": [32, 64],
    "layers_per_block": 1,
    "transformer_layers_per_block": [1, 1],
}
_UNET = {
    "down_block_types": ["DownBlock3D", "CrossAttnDownBlock3D"],
    "up_block_types": ["CrossAttnUpBlock3D", "UpBlock3D"],
}
_CONTROLNET = {"down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"]}

_HOME = TemporaryDirectory(prefix="small-model-")
# Nothing lies there before a test asks for small_model(), as the fixture ``small`` does.
CONTROLNET = Path(_HOME.name, "controlnet")
LORA = Path(_HOME.name, "kohya.safetensors")


def remove() -> None:
    _HOME.cleanup()


@functools.cache
def small_model() -> Path:
    """The model's directory, the same for all tests of a process: not to be written to."""
    directory = _write_model(Path(_HOME.name, "model"))
    _write_controlnet(CONTROLNET)
    _write_lora(directory, LORA)
    return directory


def small_lora() -> Path:
    """A LoRA for it, in a file with kohya's names."""
    small_model()
    return LORA


def _write_model(directory: Path) -> Path:
    """The recorded model with fewer layers of each kind: a third of the modules."""
    shutil.copytree(TINY, directory)
    config = _written(directory / "unet" / "config.json", _LAYERS | _UNET)
    network = _drawn(HotshotUNet(config))
    _save(network.published_state_dict(), directory / "unet")
    for name in ("text_encoder", "text_encoder_2"):
        _leave_out_a_layer(directory / name)
    return directory


def _leave_out_a_layer(encoder: Path) -> None:
    """Keep two layers of an encoder: the last but one is what SDXL reads."""
    _written(encoder / "config.json", {"num_hidden_layers": 2})
    [file] = encoder.glob("*.safetensors")
    weights = load_file(file)
    save_file({name: value for name, value in weights.items() if ".layers.2." not in name}, file)


def _write_controlnet(directory: Path) -> None:
    directory.mkdir()
    shutil.copy(REFERENCE / "tiny-controlnet" / "config.json", directory)
    config = _written(directory / "config.json", _LAYERS | _CONTROLNET)
    network = _drawn(ControlNetModel.from_config(config))
    for layer in (*network.controlnet_down_blocks, network.controlnet_mid_block):
        layer.weight.data *= 0.3
    _save(network.state_dict(), directory)


def _write_lora(model: Path, path: Path) -> None:
    """A LoRA of rank 4 on all spatial attention, with kohya's names."""
    generator = torch.Generator().manual_seed(1)
    tensors: dict[str, torch.Tensor] = {}
    for name, weight in load_file(model / "unet" / "diffusion_pytorch_model.safetensors").items():
        if ".attn" not in name or weight.ndim != 2 or is_temporal(name):
            continue
        layer = "lora_unet_" + name.removesuffix(".weight").replace(".", "_")
        rows, columns = weight.shape
        tensors[f"{layer}.lora_down.weight"] = 0.2 * torch.randn(4, columns, generator=generator)
        tensors[f"{layer}.lora_up.weight"] = 0.2 * torch.randn(rows, 4, generator=generator)
        tensors[f"{layer}.alpha"] = torch.tensor(4.0)
    save_file(tensors, path)


def _drawn(network: _Network) -> _Network:
    """Draw all weights as the recorded model's were."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for value in network.parameters():
            noise = torch.randn(value.shape, generator=generator)
            if value.ndim > 1:
                value.copy_(noise * value[0].numel() ** -0.5)
            else:  # a bias, or a norm's weight
                value.copy_(value.round() + 0.1 * noise)
    return network


def _save(tensors: dict[str, torch.Tensor], directory: Path) -> None:
    halves = {name: value.half().contiguous() for name, value in tensors.items()}
    save_file(halves, directory / "diffusion_pytorch_model.safetensors")


def _written(path: Path, changes: dict[str, object]) -> dict[str, object]:
    config: dict[str, object] = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(config))
    return config
