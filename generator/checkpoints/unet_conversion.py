"""The published layout of a Hotshot-XL UNet: what its config and its tensors are called on disk.

Translates both ways between the published names and those of diffusers' ``UNetMotionModel``.
Knows names alone: it reads no file and builds no network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from generator.checkpoints.inspect.temporal_names import is_temporal, our_name, published_name
from generator.contract.bounds import MAX_FRAMES
from generator.contract.errors import ModelError
from generator.contract.text import Text

CLASS_NAME = "UNet3DConditionModel"
TEMPORAL_HEADS = 8
TEMPORAL_GROUPS = 32

Tensors = dict[str, torch.Tensor]

_BLOCKS = {
    "DownBlock3D": "DownBlockMotion",
    "CrossAttnDownBlock3D": "CrossAttnDownBlockMotion",
    "UpBlock3D": "UpBlockMotion",
    "CrossAttnUpBlock3D": "CrossAttnUpBlockMotion",
}

# Keys of the published config that UNetMotionModel takes as they are.
_SHARED_KEYS = (
    "sample_size",
    "in_channels",
    "out_channels",
    "block_out_channels",
    "layers_per_block",
    "downsample_padding",
    "mid_block_scale_factor",
    "act_fn",
    "norm_num_groups",
    "norm_eps",
    "cross_attention_dim",
    "transformer_layers_per_block",
    "use_linear_projection",
    "addition_embed_type",
    "addition_time_embed_dim",
    "projection_class_embeddings_input_dim",
)

# Switches of the published config that this network has in one position only.
_FIXED_VALUES: dict[str, Any] = {
    "addition_embed_type": "text_time",
    "center_input_sample": False,
    "class_embed_type": None,
    "conv_in_kernel": 3,
    "conv_out_kernel": 3,
    "cross_attention_norm": None,
    "dual_cross_attention": False,
    "encoder_hid_dim": None,
    "encoder_hid_dim_type": None,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "mid_block_only_cross_attention": None,
    "mid_block_type": "UNetMidBlock3DCrossAttn",
    "num_class_embeds": None,
    "only_cross_attention": False,
    "resnet_out_scale_factor": 1.0,
    "resnet_skip_time_act": False,
    "resnet_time_scale_shift": "default",
    "time_cond_proj_dim": None,
    "time_embedding_act_fn": None,
    "time_embedding_dim": None,
    "time_embedding_type": "positional",
    "timestep_post_act": None,
    "upcast_attention": False,
}

_FIRST_TABLE = ".attention_blocks.0.pos_encoder.positional_encoding"
_SECOND_TABLE = ".attention_blocks.1.pos_encoder.positional_encoding"


def from_spatial(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the published config of a plain SDXL UNet's config with temporal layers put in."""
    blocks = {
        key: [str(name).replace("Block2D", "Block3D") for name in _listed(config, key)]
        for key in ("down_block_types", "up_block_types")
    }
    mid = "UNetMidBlock3DCrossAttn"
    return dict(config) | blocks | {"_class_name": CLASS_NAME, "mid_block_type": mid}


def arguments(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``UNetMotionModel`` is built from.

    Raises ModelError for a network it can't be.
    """
    _check_fixed_values(config)
    shared = {key: config[key] for key in _SHARED_KEYS if config.get(key) is not None}
    # In the published config, as in SDXL's, ``attention_head_dim`` is the number of heads.
    heads = config.get("num_attention_heads") or config.get("attention_head_dim") or 8
    return shared | {
        "down_block_types": _blocks(config, "down_block_types"),
        "up_block_types": _blocks(config, "up_block_types"),
        "num_attention_heads": heads,
        "motion_num_attention_heads": TEMPORAL_HEADS,
        "motion_max_seq_length": MAX_FRAMES,
        "use_motion_mid_block": False,
    }


def from_published(tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """Return the same tensors under our names.

    The published layout stores the positional table once for each of the two attentions of a
    temporal block; the network holds it once. Raises ModelError where the two differ.
    """
    ours: Tensors = {}
    for name, tensor in tensors.items():
        if not is_temporal(name):
            ours[name] = tensor
        elif name.endswith(_SECOND_TABLE):
            _check_same_table(name, tensor, tensors)
        else:
            ours[our_name(name)] = tensor
    return ours


def to_published(tensors: Mapping[str, torch.Tensor]) -> Tensors:
    """Return the inverse of ``from_published``: what belongs in a published directory's file."""
    published: Tensors = {}
    for name, tensor in tensors.items():
        if not is_temporal(name):
            published[name] = tensor
            continue
        old_name = published_name(name)
        published[old_name] = tensor
        if old_name.endswith(_FIRST_TABLE):
            # A copy, because safetensors stores no two names for one memory.
            published[old_name.replace(_FIRST_TABLE, _SECOND_TABLE)] = tensor.clone()
    return published


def _check_same_table(name: str, table: torch.Tensor, tensors: Mapping[str, torch.Tensor]) -> None:
    first = tensors.get(name.replace(_SECOND_TABLE, _FIRST_TABLE))
    if first is None or first.is_meta or torch.equal(first, table):
        return
    raise ModelError(
        "The positional table {name} differs from that of the first attention, which no "
        "Hotshot-XL has; the file is damaged or of another architecture.",
        name=name,
    )


def _blocks(config: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = [str(name) for name in _listed(config, key)]
    unknown = [name for name in names if name not in _BLOCKS]
    if unknown or not names:
        raise ModelError(
            "The UNet's {key} are {found}, which isn't a Hotshot-XL (its blocks are "
            "{blocks}); give a model of that architecture.",
            key=key,
            found=", ".join(names) or Text("missing"),
            blocks=", ".join(sorted(_BLOCKS)),
        )
    return tuple(_BLOCKS[name] for name in names)


def _listed(config: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = config.get(key)
    return value if isinstance(value, list | tuple) else ()


def _check_fixed_values(config: Mapping[str, Any]) -> None:
    for key, value in _FIXED_VALUES.items():
        found = config.get(key, value)
        # ``False`` and null both say that a switch is off.
        if found != value and (found or value):
            raise ModelError(
                "The UNet's config has {key} = {found} where Hotshot-XL has {value}; give a "
                "model of that architecture.",
                key=key,
                found=repr(found),
                value=repr(value),
            )
