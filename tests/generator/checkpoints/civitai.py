"""One file as Civitai gives it, written from a model directory: the naming of Stability's SDXL."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from generator.checkpoints.inspect.ldm_names import ldm_names
from generator.checkpoints.inspect.temporal_names import is_temporal

Tensors = dict[str, Tensor]

_IN_VAE = (
    (r"mid_block\.attentions\.0\.", "mid.attn_1."),
    (r"mid_block\.resnets\.0\.", "mid.block_1."),
    (r"mid_block\.resnets\.1\.", "mid.block_2."),
    (r"down_blocks\.(\d)\.resnets\.", r"down.\1.block."),
    (r"down_blocks\.(\d)\.downsamplers\.0\.", r"down.\1.downsample."),
    (r"conv_shortcut", "nin_shortcut"),
    (r"conv_norm_out", "norm_out"),
    (r"attn_1\.group_norm", "attn_1.norm"),
    (r"attn_1\.to_([qkv])", r"attn_1.\1"),
    (r"attn_1\.to_out\.0", "attn_1.proj_out"),
)
_IN_OPEN_CLIP = (
    ("text_model.encoder.layers.", "transformer.resblocks."),
    ("layer_norm1", "ln_1"),
    ("layer_norm2", "ln_2"),
    ("mlp.fc1", "mlp.c_fc"),
    ("mlp.fc2", "mlp.c_proj"),
    ("self_attn.out_proj", "attn.out_proj"),
    ("text_model.embeddings.token_embedding", "token_embedding"),
    ("text_model.embeddings.position_embedding.weight", "positional_embedding"),
    ("text_model.final_layer_norm", "ln_final"),
)


def spatial(directory: Path, factor: float = 1.0) -> Tensors:
    """The UNet's spatial tensors under diffusers' names."""
    tensors = load_file(directory / "unet/diffusion_pytorch_model.safetensors")
    return {
        name: value.float() * factor for name, value in tensors.items() if not is_temporal(name)
    }


def unet(tensors: Tensors) -> Tensors:
    """The same as Stability names them, without a prefix."""
    names = ldm_names(tensors, 2)
    return {names[name]: value for name, value in tensors.items()}


def checkpoint(directory: Path, factor: float = 1.0) -> Tensors:
    """All of a model but its temporal layers."""
    vae = load_file(directory / "vae/diffusion_pytorch_model.safetensors")
    first = load_file(directory / "text_encoder/model.safetensors")
    second = load_file(directory / "text_encoder_2/model.safetensors")
    return {
        **_prefixed("model.diffusion_model.", unet(spatial(directory, factor))),
        **_prefixed("first_stage_model.", dict(map(_vae, vae.items()))),
        **_prefixed("conditioner.embedders.0.transformer.", first),
        **_prefixed("conditioner.embedders.1.model.", _open_clip(second)),
    }


def save(tensors: Tensors, path: Path) -> Path:
    save_file({name: value.contiguous() for name, value in tensors.items()}, path)
    return path


def _prefixed(prefix: str, tensors: Tensors) -> Tensors:
    return {prefix + name: value for name, value in tensors.items()}


def _vae(item: tuple[str, Tensor]) -> tuple[str, Tensor]:
    name, value = item
    for old, new in _IN_VAE:
        name = re.sub(old, new, name)
    # Of the four up blocks theirs is the last first.
    name = re.sub(r"up_blocks\.(\d)\.", lambda match: f"up.{3 - int(match[1])}.", name)
    name = name.replace(".resnets.", ".block.").replace(".upsamplers.0.", ".upsample.")
    linear = ".attn_1." in name and name.endswith("weight") and value.ndim == 2
    return name, value[:, :, None, None] if linear else value


def _open_clip(tensors: Tensors) -> Tensors:
    renamed: Tensors = {}
    for name, value in tensors.items():
        if name == "text_projection.weight":
            renamed["text_projection"] = value.T
            continue
        for old, new in _IN_OPEN_CLIP:
            name = name.replace(old, new)  # noqa: PLW2901 - one name, made another
        renamed[name] = value
    for kind in ("weight", "bias"):
        for name in [name for name in renamed if name.endswith(f"self_attn.q_proj.{kind}")]:
            parts = [renamed.pop(name.replace("q_proj", f"{part}_proj")) for part in "qkv"]
            joined = name.replace(f"self_attn.q_proj.{kind}", f"attn.in_proj_{kind}")
            renamed[joined] = torch.cat(parts)
    return renamed
