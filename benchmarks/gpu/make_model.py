"""Writes a Hotshot-XL of the published size and layout with random weights.

``python -m benchmarks.gpu.make_model OUT [--size full|mini]``. The weights are drawn so that
activations stay in range, and kept in half precision as the published ones are. The pictures are
noise; what they cost is not. Tokenizers are nano's: they have fewer words than the published ones,
which costs nothing.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from diffusers.models.embeddings import SinusoidalPositionalEmbedding
from safetensors.torch import save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from benchmarks.midsize import UNET
from generator.model.unet import HotshotUNet
from tools.nano.text import save_tokenizers

_SPREAD = 0.6  # of a weight, before it is divided by the root of how many are added up
_POSITIONS = "positional_encoding"
_ENCODERS = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}
_SCHEDULER = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "use_karras_sigmas": False,
}


@dataclass(frozen=True, slots=True)
class ModelSize:
    """The keys of each network's config that a size differs in."""

    unet: Mapping[str, Any]
    vae: Mapping[str, Any]
    texts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


SIZES = {
    "full": ModelSize(
        unet={
            "addition_time_embed_dim": 256,
            "attention_head_dim": [5, 10, 20],
            "block_out_channels": [320, 640, 1280],
            "cross_attention_dim": 2048,
            "projection_class_embeddings_input_dim": 2816,
            "sample_size": 64,
            "transformer_layers_per_block": [1, 2, 10],
        },
        vae={"block_out_channels": [128, 256, 512, 512], "layers_per_block": 2},
        texts={
            "text_encoder": {
                "hidden_act": "quick_gelu",
                "hidden_size": 768,
                "intermediate_size": 3072,
                "num_attention_heads": 12,
                "num_hidden_layers": 12,
                "projection_dim": 768,
                "vocab_size": 49408,
            },
            "text_encoder_2": {
                "hidden_act": "gelu",
                "hidden_size": 1280,
                "intermediate_size": 5120,
                "num_attention_heads": 20,
                "num_hidden_layers": 32,
                "projection_dim": 1280,
                "vocab_size": 49408,
            },
        },
    ),
    "mini": ModelSize(
        unet={
            "addition_time_embed_dim": 8,
            "attention_head_dim": [2, 2, 4],
            "block_out_channels": [32, 32, 64],
            "cross_attention_dim": 64,
            "projection_class_embeddings_input_dim": 80,
            "sample_size": 8,
            "transformer_layers_per_block": [1, 1, 1],
        },
        vae={"block_out_channels": [32, 32, 32, 32], "layers_per_block": 1},
        texts={
            name: {
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_attention_heads": 2,
                "num_hidden_layers": 2,
                "projection_dim": 32,
                "vocab_size": 2304,
            }
            for name in _ENCODERS
        },
    ),
}


def make_model(directory: Path, size: str = "full", *, seed: int = 0) -> None:
    """Write the model into ``directory``, which is made. Raises FileExistsError, OSError."""
    chosen = SIZES[size]
    directory.mkdir(parents=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator = torch.Generator(device).manual_seed(seed)
    save_tokenizers(directory, seed)
    _write_json(directory / "scheduler" / "scheduler_config.json", _SCHEDULER)
    for name, config, shapes in _networks(chosen):
        _write_json(directory / name / "config.json", config)
        stem = "model" if name in _ENCODERS else "diffusion_pytorch_model"
        made = {key: drawn(key, shape, generator) for key, shape in shapes.items()}
        tensors = {key: tensor.cpu().contiguous() for key, tensor in made.items()}
        save_file(tensors, directory / name / f"{stem}.safetensors")
        count = sum(tensor.numel() for tensor in tensors.values())
        print(f"{name}: {len(tensors)} tensors, {count / 1e6:.1f} million numbers", flush=True)


def unet_shapes(size: str) -> dict[str, torch.Size]:
    """The tensors of the UNet under their published names."""
    with torch.device("meta"):
        network = HotshotUNet({**UNET, **SIZES[size].unet})
    return {name: tensor.shape for name, tensor in network.published_state_dict().items()}


def _networks(size: ModelSize) -> Iterator[tuple[str, dict[str, Any], dict[str, torch.Size]]]:
    """Each network's folder, its config, and its tensors' shapes by their published names."""
    unet_config = {**UNET, **size.unet}
    vae_config = _vae_config(size)
    with torch.device("meta"):
        unet = HotshotUNet(unet_config)
        vae = AutoencoderKL(**vae_config)
    yield "unet", unet.published_config, _shapes(unet.published_state_dict())
    yield "vae", {"_class_name": "AutoencoderKL"} | vae_config, _shapes(vae.state_dict())
    for name, kind in _ENCODERS.items():
        config = _text_config(size.texts[name])
        with torch.device("meta"):
            encoder = kind(CLIPTextConfig.from_dict(config))
        tensors = {_published(key): value for key, value in encoder.state_dict().items()}
        yield name, config | {"architectures": [kind.__name__]}, _shapes(tensors)


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}


def _published(name: str) -> str:
    """The name of an encoder's tensor as the published files have it."""
    return name if name.startswith(("text_model.", "text_projection.")) else f"text_model.{name}"


def drawn(name: str, shape: torch.Size, generator: torch.Generator) -> Tensor:
    """A tensor of that published name, where the generator draws, in half precision."""
    device = generator.device
    if name.endswith(_POSITIONS):
        _, length, width = shape
        made: Tensor = SinusoidalPositionalEmbedding(width, length).pe.to(device)
    elif len(shape) > 1:
        spread = _SPREAD / math.sqrt(math.prod(shape[1:]))
        made = torch.randn(shape, generator=generator, device=device) * spread
    elif "norm" in name and name.endswith("weight"):
        made = torch.ones(shape, device=device)
    else:
        made = torch.zeros(shape, device=device)
    return made.half()


def _vae_config(size: ModelSize) -> dict[str, Any]:
    return {
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "force_upcast": True,
        "in_channels": 3,
        "latent_channels": 4,
        "out_channels": 3,
        "sample_size": 1024,
        "scaling_factor": 0.13025,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
        **size.vae,
    }


def _text_config(sizes: Mapping[str, Any]) -> dict[str, Any]:
    """CLIP's, with the special tokens that published configs name, whatever the tokenizer has."""
    return {
        "bos_token_id": 0,
        "eos_token_id": 2,
        "max_position_embeddings": 77,
        "model_type": "clip_text_model",
        "pad_token_id": 1,
        **sizes,
    }


def _write_json(path: Path, values: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gpu.make_model", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("output", type=Path, metavar="OUT", help="a directory that isn't there yet")
    parser.add_argument("--size", choices=tuple(SIZES), default="full")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    if chosen.output.exists():
        parser.error(f"{chosen.output} is there already; name another")
    make_model(chosen.output, chosen.size, seed=chosen.seed)


if __name__ == "__main__":
    main()
