"""ControlNets on disk: from a kind, a path or a hub id to a network that fits the UNet.

Reads diffusers' directories, and single files in diffusers' naming or Stability's, whose shapes
tell the config that they come without. Whatever can't be read is refused by its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from generator.checkpoints import weights
from generator.checkpoints.file_selection import DIFFUSERS_STEM
from generator.checkpoints.inspect.header import read_header
from generator.checkpoints.inspect.kinds import Kind, Shapes, kind_of
from generator.checkpoints.inspect.ldm_names import ldm_names
from generator.checkpoints.resolve import fetch_file, fetch_root
from generator.contract.errors import ModelError
from generator.contract.paths import existing_path, parse_hub_id
from generator.model.component_loading import build
from generator.model.plain_diffusers import ControlNetModel

# Those that the original names in its README's commands.
PUBLISHED = {
    "depth": "diffusers/controlnet-depth-sdxl-1.0",
    "canny": "diffusers/controlnet-canny-sdxl-1.0",
}
CLASS_NAME = "ControlNetModel"

# Where a ControlNet must be as its UNet is, for what it says to be of the UNet's blocks.
_LIKE_THE_UNET = (
    "in_channels",
    "cross_attention_dim",
    "block_out_channels",
    "layers_per_block",
    "addition_embed_type",
    "addition_time_embed_dim",
    "projection_class_embeddings_input_dim",
)
# What SDXL's ControlNets have not, and the pipeline doesn't give.
_ABSENT = ("class_embed_type", "num_class_embeds", "encoder_hid_dim", "encoder_hid_dim_type")
_SAME_AS_UNET = (
    *_LIKE_THE_UNET,
    "act_fn",
    "attention_head_dim",
    "downsample_padding",
    "flip_sin_to_cos",
    "freq_shift",
    "mid_block_scale_factor",
    "norm_eps",
    "norm_num_groups",
    "num_attention_heads",
    "transformer_layers_per_block",
    "use_linear_projection",
)


def resolve_controlnet(kind: str, model_directory: Path) -> Path:
    """Return the directory or file of a kind, a path, or a hub id (``owner/name[/file]``).

    A kind is ``controlnet/KIND`` in the model's directory, or one of those published for SDXL.
    Raises ModelError where there is none.
    """
    own = model_directory / "controlnet"
    if "/" not in kind and existing_path(str(own / kind / "config.json")):
        return own / kind
    path = existing_path(kind)
    if path is not None and kind not in PUBLISHED:
        return path
    repository, inner = parse_hub_id(PUBLISHED.get(kind, kind)) or ("", "")
    if not repository:
        raise ModelError(
            "There is no ControlNet {kind!r}; give {names}, a directory, a .safetensors file or "
            "a hub id such as owner/name.",
            kind=kind,
            names=", ".join(_kinds(own)),
        )
    if inner:
        return fetch_file(repository, (inner,))
    return fetch_root(repository, DIFFUSERS_STEM)


def load_controlnet(path: Path, unet_config: Mapping[str, Any], *, dtype: torch.dtype) -> Any:
    """Return a ``ControlNetModel`` on the CPU. ``unet_config`` is the UNet's published one.

    Raises ModelError for what is no ControlNet, is damaged, or is for another UNet.
    """
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(f"{path} isn't a ControlNet's directory: its config.json is missing.")
        config = weights.read_config(path / "config.json")
        files = weights.find_weights(path, DIFFUSERS_STEM)
        tensors = weights.read_weights(files)
    else:
        config, tensors = _single_file(path, unet_config)
    _check_fits(path, config, unet_config)
    network = build(path, lambda: ControlNetModel.from_config(config))
    weights.assign(network, tensors, source=path, device=torch.device("cpu"), dtype=dtype)
    return network.eval().requires_grad_(requires_grad=False)


def config_for(unet_config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config of a ControlNet for the UNet with this published config."""
    config = {key: unet_config[key] for key in _SAME_AS_UNET if unet_config.get(key) is not None}
    blocks = [name.replace("3D", "2D") for name in unet_config["down_block_types"]]
    return config | {"_class_name": CLASS_NAME, "down_block_types": blocks}


def _kinds(own: Path) -> Iterable[str]:
    return sorted({*PUBLISHED, *(path.parent.name for path in own.glob("*/config.json"))})


def _check_fits(path: Path, config: Mapping[str, Any], unet_config: Mapping[str, Any]) -> None:
    found = config.get("_class_name")
    if found != CLASS_NAME:
        raise ModelError(
            "{path} is a {found}, not a {class_name}; use a ControlNet for SDXL.",
            path=path,
            found=found,
            class_name=CLASS_NAME,
        )
    for key in (*_LIKE_THE_UNET, *_ABSENT):
        theirs, ours = _plain(config.get(key)), _plain(unet_config.get(key))
        if key in _ABSENT:
            ours = None
        if theirs != ours:
            raise ModelError(
                "The ControlNet in {path} is for another base ({key} is {theirs} where this model "
                "has {ours}); give one that was made for it.",
                path=path,
                key=key,
                theirs=theirs,
                ours=ours,
            )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else value


def _single_file(
    path: Path, unet_config: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    shapes = read_header(path).shapes
    kind = kind_of(shapes)
    if kind is not Kind.CONTROLNET:
        raise ModelError(
            "{name} isn't a ControlNet but {kind}; use one for SDXL.",
            name=path.name,
            kind=kind.value,
        )
    rename = _key_converter(shapes, unet_config)
    tensors = {rename(name): value for name, value in weights.read_weights([path]).items()}
    config = config_for(unet_config)
    return config | _config_from_shapes(
        path, {name: tuple(value.shape) for name, value in tensors.items()}, config
    ), tensors


def _config_from_shapes(path: Path, shapes: Shapes, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a ControlNet is free to have otherwise than its UNet: small ones attend less."""
    embedding = "controlnet_cond_embedding"
    first = shapes.get(f"{embedding}.conv_in.weight")
    count = len(config["down_block_types"])
    # Two convolutions of a block: one that keeps the channels, and one that goes on to the next.
    kept = [shapes.get(f"{embedding}.blocks.{index}.weight") for index in (0, 2, 4)]
    last = shapes.get(f"{embedding}.conv_out.weight")
    if first is None or last is None or None in kept:
        raise ModelError(
            "{name} is a ControlNet of an unknown kind; use one for SDXL.", name=path.name
        )
    depths = [_transformer_depth(shapes, f"down_blocks.{block}.") for block in range(count)]
    return {
        "conditioning_channels": first[1],
        "conditioning_embedding_out_channels": [*(shape[0] for shape in kept if shape), last[1]],
        "down_block_types": [
            "CrossAttnDownBlock2D" if depth else "DownBlock2D" for depth in depths
        ],
        "transformer_layers_per_block": [
            *(max(1, depth) for depth in depths[:-1]),
            max(depths[-1], _transformer_depth(shapes, "mid_block."), 1),
        ],
    }


def _transformer_depth(shapes: Shapes, block: str) -> int:
    found = re.compile(re.escape(block) + r"attentions\.\d+\.transformer_blocks\.(\d+)\.")
    plural = [int(match[1]) + 1 for name in shapes if (match := found.match(name))]
    return max(plural, default=0)


_PREFIX = "control_model."
_LDM_EMBEDDING = {0: "conv_in", **{2 * n: f"blocks.{n - 1}" for n in range(1, 7)}, 14: "conv_out"}


def _key_converter(shapes: Shapes, unet_config: Mapping[str, Any]) -> Callable[[str], str]:
    """Return what turns a file's names into diffusers'.

    Stability's show by their numbered blocks.
    """
    if not any("input_blocks." in name for name in shapes):
        return lambda name: name
    with torch.device("meta"):
        ours = ControlNetModel.from_config(config_for(unet_config)).state_dict()
    inside = [name for name in ours if not name.startswith("controlnet_")]
    theirs = {ldm: name for name, ldm in ldm_names(inside, unet_config["layers_per_block"]).items()}
    return lambda name: _from_ldm(name.removeprefix(_PREFIX), theirs)


def _from_ldm(name: str, theirs: Mapping[str, str]) -> str:
    path, _, tensor = name.rpartition(".")
    if match := re.fullmatch(r"input_hint_block\.(\d+)", path):
        layer = _LDM_EMBEDDING.get(int(match[1]), path)
        return f"controlnet_cond_embedding.{layer}.{tensor}"
    if match := re.fullmatch(r"zero_convs\.(\d+)\.0", path):
        return f"controlnet_down_blocks.{match[1]}.{tensor}"
    if path == "middle_block_out.0":
        return f"controlnet_mid_block.{tensor}"
    return theirs.get(name, name)
