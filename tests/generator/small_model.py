"""A model as small as one gets, for tests in which no number of the original's is asked for."""

from __future__ import annotations

import functools
import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import load_file, save_file

from generator.model.unet import HotshotUNet
from tests.generator.reference import TINY

SMALL = {
    "attention_head_dim": [2, 4],
    "block_out_channels": [32, 64],
    "down_block_types": ["DownBlock3D", "CrossAttnDownBlock3D"],
    "layers_per_block": 1,
    "transformer_layers_per_block": [1, 1],
    "up_block_types": ["CrossAttnUpBlock3D", "UpBlock3D"],
}


def small_model() -> Path:
    """The directory of a small model, the same in the whole process: not to be written to."""
    return Path(_home().name, "model")


@functools.cache
def _home() -> TemporaryDirectory[str]:
    home = TemporaryDirectory(prefix="small-model-")  # goes when the process ends
    write_small_model(Path(home.name, "model"))
    return home


def write_small_model(directory: Path) -> Path:
    """The recorded model with fewer layers of each kind: a third of the modules.

    Its UNet is drawn, so it has learnt as little as the recorded one.
    """
    shutil.copytree(TINY, directory)
    unet = directory / "unet"
    config = json.loads((unet / "config.json").read_text())
    config |= SMALL
    (unet / "config.json").write_text(json.dumps(config))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = HotshotUNet(config)
        for name, value in network.named_parameters():
            if "proj_out" in name:  # a new temporal layer changes nothing
                torch.nn.init.normal_(value, std=0.1)
    tensors = {name: value.half() for name, value in network.published_state_dict().items()}
    save_file(tensors, unet / "diffusion_pytorch_model.safetensors")
    for name in ("text_encoder", "text_encoder_2"):
        _leave_out_a_layer(directory / name)
    return directory


def _leave_out_a_layer(encoder: Path) -> None:
    """Keep two layers of an encoder: the last but one is what SDXL reads."""
    config = json.loads((encoder / "config.json").read_text())
    (encoder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 2}))
    [file] = encoder.glob("*.safetensors")
    weights = load_file(file)
    save_file({name: value for name, value in weights.items() if ".layers.2." not in name}, file)
