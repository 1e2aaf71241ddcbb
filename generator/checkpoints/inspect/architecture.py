"""The parameters of a Hotshot-XL's UNet and text encoders, from their configs alone.

Names and shapes as the networks themselves would have them (a test compares), so that the bot,
which loads no network, knows what a LoRA can change. No torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from generator.checkpoints.inspect.lora_layers import ModelLayers
from generator.checkpoints.inspect.lora_shapes import Shape
from generator.contract.errors import ModelError
from generator.contract.json_text import JsonError, parse_json
from generator.contract.limits import local_path

Shapes = dict[str, Shape]

_SDXL_UNET: dict[str, Any] = {
    "in_channels": 4,
    "out_channels": 4,
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock3D", "CrossAttnDownBlock3D", "CrossAttnDownBlock3D"),
    "up_block_types": ("CrossAttnUpBlock3D", "CrossAttnUpBlock3D", "UpBlock3D"),
    "layers_per_block": 2,
    "transformer_layers_per_block": (1, 2, 10),
    "cross_attention_dim": 2048,
    "projection_class_embeddings_input_dim": 2816,
    "use_linear_projection": True,
}
_CLIP: dict[str, Any] = {"vocab_size": 49408, "max_position_embeddings": 77}
_SDXL_TEXT = _CLIP | {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12}
_SDXL_TEXT_2 = _CLIP | {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "projection_dim": 1280,
}

_PARTS = ("unet", "text_encoder", "text_encoder_2")
_UNET_COUNTS = (
    *("in_channels", "out_channels", "layers_per_block", "cross_attention_dim"),
    "projection_class_embeddings_input_dim",
)
_CLIP_COUNTS = (
    *("hidden_size", "intermediate_size", "num_hidden_layers"),
    *("vocab_size", "max_position_embeddings"),
)


def layers_of(model: str) -> ModelLayers:
    """Return the layers of ``nano`` or a model directory; SDXL's for a hub id or a single file.

    Raises ModelError where a directory's configs can't be read.
    """
    path = local_path(model)
    if path is None or not (path / "unet" / "config.json").is_file():
        return sdxl_layers()
    unet, text, text_2 = (_read(path / part / "config.json") for part in _PARTS)
    _check_unet(path / "unet", unet)
    _check_counts(path / "text_encoder", text, _CLIP_COUNTS)
    _check_counts(path / "text_encoder_2", text_2, (*_CLIP_COUNTS, "projection_dim"))
    return _layers(unet, text, text_2)


@lru_cache(maxsize=1)
def sdxl_layers() -> ModelLayers:
    """Return the layers of Stable Diffusion XL with Hotshot-XL's temporal layers."""
    return _layers(_SDXL_UNET, _SDXL_TEXT, _SDXL_TEXT_2)


def unet_shapes(config: Mapping[str, Any]) -> Shapes:
    """Return the shapes of a published config's UNet, by the names that parameters have here."""
    return _Unet(config).shapes


def text_shapes(config: Mapping[str, Any], *, is_second: bool) -> Shapes:
    """Return a CLIP text encoder's shapes by parameter; the second of SDXL's has a projection."""
    width, inner = config["hidden_size"], config["intermediate_size"]
    shapes: Shapes = {
        "embeddings.token_embedding.weight": (config["vocab_size"], width),
        "embeddings.position_embedding.weight": (config["max_position_embeddings"], width),
        **_affine("final_layer_norm", width),
    }
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layers.{number}"
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            shapes |= _affine(f"{layer}.self_attn.{name}", width, width)
        shapes |= _affine(f"{layer}.mlp.fc1", inner, width)
        shapes |= _affine(f"{layer}.mlp.fc2", width, inner)
        for name in ("layer_norm1", "layer_norm2"):
            shapes |= _affine(f"{layer}.{name}", width)
    if not is_second:
        return shapes
    inside = {f"text_model.{name}": shape for name, shape in shapes.items()}
    return inside | {"text_projection.weight": (config["projection_dim"], width)}


def _read(path: Path) -> dict[str, Any]:
    try:
        config = parse_json(path.read_bytes())
    except (OSError, JsonError) as error:
        raise _unreadable(path.parent, str(error)) from error
    if not isinstance(config, dict):
        raise _unreadable(path.parent, "no JSON object")
    return config


def _check_unet(directory: Path, config: Mapping[str, Any]) -> None:
    """Raise ModelError where a UNet's config lacks a value, or has one of another type."""
    _check_counts(directory, config, _UNET_COUNTS)
    widths = config.get("block_out_channels")
    if not _is_list_of(int, widths) or not widths:
        raise _unfit(directory, "block_out_channels")
    for key in ("down_block_types", "up_block_types"):
        if not _is_list_of(str, config.get(key)) or len(config[key]) != len(widths):
            raise _unfit(directory, key)
    depths = config.get("transformer_layers_per_block", 1)
    is_one_each = _is_list_of(int, depths) and len(depths) == len(widths)
    if not is_one_each and type(depths) is not int:
        raise _unfit(directory, "transformer_layers_per_block")


def _check_counts(directory: Path, config: Mapping[str, Any], keys: Iterable[str]) -> None:
    for key in keys:
        if type(config.get(key)) is not int:
            raise _unfit(directory, key)


def _is_list_of(kind: type, value: Any) -> bool:
    return isinstance(value, list) and all(type(one) is kind for one in value)


def _unfit(directory: Path, key: str) -> ModelError:
    return _unreadable(directory, f"{key} of {directory.name} is missing or makes no sense")


def _unreadable(directory: Path, reason: str) -> ModelError:
    return ModelError(f"The configs in {directory.parent} can't be read ({reason}).")


def _layers(
    unet: Mapping[str, Any], text: Mapping[str, Any], text_2: Mapping[str, Any]
) -> ModelLayers:
    return ModelLayers.of(
        unet_shapes(unet),
        text_shapes(text, is_second=False),
        text_shapes(text_2, is_second=True),
        layers_per_block=unet["layers_per_block"],
    )


def _affine(path: str, out: int, *inner: int) -> Shapes:
    return {f"{path}.weight": (out, *inner), f"{path}.bias": (out,)}


class _Unet:
    """Collects the shapes block by block."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.shapes: Shapes = {}
        self._widths: tuple[int, ...] = tuple(config["block_out_channels"])
        self._text: int = config["cross_attention_dim"]
        self._per_block: int = config["layers_per_block"]
        self._is_linear = bool(config.get("use_linear_projection"))
        self._time = 4 * self._widths[0]
        depths = config.get("transformer_layers_per_block", 1)
        self._depths = (depths,) * len(self._widths) if isinstance(depths, int) else tuple(depths)
        self._outer(config)
        self._down(tuple(config["down_block_types"]))
        self._mid()
        self._up(tuple(config["up_block_types"]))

    def _outer(self, config: Mapping[str, Any]) -> None:
        first = self._widths[0]
        self._add("conv_in", first, config["in_channels"], 3, 3)
        self._add("time_embedding.linear_1", self._time, first)
        self._add("time_embedding.linear_2", self._time, self._time)
        added = config["projection_class_embeddings_input_dim"]
        self._add("add_embedding.linear_1", self._time, added)
        self._add("add_embedding.linear_2", self._time, self._time)
        self._add("conv_norm_out", first)
        self._add("conv_out", config["out_channels"], first, 3, 3)

    def _down(self, types: tuple[str, ...]) -> None:
        before = self._widths[0]
        for block, (kind, width) in enumerate(zip(types, self._widths, strict=True)):
            name = f"down_blocks.{block}"
            for layer in range(self._per_block):
                self._resnet(f"{name}.resnets.{layer}", before if layer == 0 else width, width)
                self._motion(f"{name}.motion_modules.{layer}", width)
                if "CrossAttn" in kind:
                    self._attention(f"{name}.attentions.{layer}", width, self._depths[block])
            if block < len(types) - 1:
                self._add(f"{name}.downsamplers.0.conv", width, width, 3, 3)
            before = width

    def _mid(self) -> None:
        width = self._widths[-1]
        for number in (0, 1):
            self._resnet(f"mid_block.resnets.{number}", width, width)
        self._attention("mid_block.attentions.0", width, self._depths[-1])

    def _up(self, types: tuple[str, ...]) -> None:
        widths, depths = self._widths[::-1], self._depths[::-1]
        before = widths[0]
        for block, (kind, width) in enumerate(zip(types, widths, strict=True)):
            name = f"up_blocks.{block}"
            narrower = widths[min(block + 1, len(widths) - 1)]
            for layer in range(self._per_block + 1):
                skipped = narrower if layer == self._per_block else width
                come = before if layer == 0 else width
                self._resnet(f"{name}.resnets.{layer}", come + skipped, width)
                self._motion(f"{name}.motion_modules.{layer}", width)
                if "CrossAttn" in kind:
                    self._attention(f"{name}.attentions.{layer}", width, depths[block])
            if block < len(types) - 1:
                self._add(f"{name}.upsamplers.0.conv", width, width, 3, 3)
            before = width

    def _resnet(self, path: str, inner: int, out: int) -> None:
        self._add(f"{path}.norm1", inner)
        self._add(f"{path}.conv1", out, inner, 3, 3)
        self._add(f"{path}.time_emb_proj", out, self._time)
        self._add(f"{path}.norm2", out)
        self._add(f"{path}.conv2", out, out, 3, 3)
        if inner != out:
            self._add(f"{path}.conv_shortcut", out, inner, 1, 1)

    def _attention(self, path: str, width: int, depth: int) -> None:
        projection = (width, width) if self._is_linear else (width, width, 1, 1)
        self._transformer(path, width, depth, self._text, projection)

    def _motion(self, path: str, width: int) -> None:
        self._transformer(path, width, 1, width, (width, width))

    def _transformer(
        self, path: str, width: int, depth: int, attends_to: int, projection: Shape
    ) -> None:
        self._add(f"{path}.norm", width)
        for name in ("proj_in", "proj_out"):
            self._add(f"{path}.{name}", *projection)
        for number in range(depth):
            block = f"{path}.transformer_blocks.{number}"
            for norm in ("norm1", "norm2", "norm3"):
                self._add(f"{block}.{norm}", width)
            for name, source in (("attn1", width), ("attn2", attends_to)):
                for part, wide in (("to_q", width), ("to_k", source), ("to_v", source)):
                    self.shapes[f"{block}.{name}.{part}.weight"] = (width, wide)
                self._add(f"{block}.{name}.to_out.0", width, width)
            self._add(f"{block}.ff.net.0.proj", 8 * width, width)
            self._add(f"{block}.ff.net.2", width, 4 * width)

    def _add(self, path: str, *shape: int) -> None:
        self.shapes |= _affine(path, shape[0], *shape[1:])
