"""The names that Stability's own SDXL UNet has, which single files and kohya's LoRAs use.

One table from our layers to theirs, made from a network's own names, so that it holds for every
size of the architecture. Knows names alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from generator.checkpoints.inspect.temporal_names import is_temporal

_OUTER = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
_IN_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
_MIDDLE = {"resnets.0": "0", "attentions.0": "1", "resnets.1": "2"}
_BLOCK = re.compile(r"(down|up)_blocks\.(\d+)\.(\w+?)\.(\d+)\.(.+)")


def ldm_names(names: Iterable[str], layers_per_block: int) -> dict[str, str]:
    """Return Stability's name for each of our spatial tensors; ``names`` are all of one UNet."""
    spatial = [name for name in names if not is_temporal(name)]
    attentive = {name.split(".")[1] for name in spatial if re.match(r"up_blocks\.\d+\.att", name)}
    return {name: _ldm_name(name, layers_per_block, attentive) for name in spatial}


def _ldm_name(name: str, layers: int, attentive_up_blocks: set[str]) -> str:
    path, _, tensor = name.rpartition(".")
    if path in _OUTER:
        return f"{_OUTER[path]}.{tensor}"
    if match := _BLOCK.match(name):
        side, block, part, index, inner = match.groups()
        index_in_side = int(block) * (layers + 1) + int(index)
        if side == "down":
            return _down(part, index_in_side, int(block), layers, inner)
        after_attention = block in attentive_up_blocks
        return _up(part, index_in_side, layers, inner, after_attention=after_attention)
    _, part, index, inner = name.split(".", 3)
    return f"middle_block.{_MIDDLE[f'{part}.{index}']}.{_inside(part, inner)}"


def _down(part: str, index_in_side: int, block: int, layers: int, inner: str) -> str:
    if part == "downsamplers":
        return f"input_blocks.{(block + 1) * (layers + 1)}.0.{inner.replace('conv.', 'op.')}"
    which = 1 if part == "attentions" else 0
    return f"input_blocks.{index_in_side + 1}.{which}.{_inside(part, inner)}"


def _up(part: str, index_in_side: int, layers: int, inner: str, *, after_attention: bool) -> str:
    if part == "upsamplers":  # it follows the block's last resnet, whose place it shares
        return f"output_blocks.{index_in_side + layers}.{2 if after_attention else 1}.{inner}"
    which = 1 if part == "attentions" else 0
    return f"output_blocks.{index_in_side}.{which}.{_inside(part, inner)}"


def _inside(part: str, inner: str) -> str:
    if part != "resnets":
        return inner
    layer, _, tensor = inner.rpartition(".")
    return f"{_IN_RESNET[layer]}.{tensor}"
