"""Tells what a file of weights is, so that a wrong one can be refused by its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum

from generator.checkpoints.inspect import lora_names
from generator.contract.text import Text

Shapes = Mapping[str, tuple[int, ...]]


class Kind(Enum):
    """The value is how a sentence calls it."""

    LORA = Text("a LoRA")
    UNREADABLE_LORA = Text("an adapter in a format that can't be read")
    MOTION_LORA = Text("a motion LoRA for AnimateDiff")
    ANIMATEDIFF = Text("a motion module for AnimateDiff")
    EMBEDDING = Text("a textual inversion")
    TEMPORAL = Text("a file with only temporal layers")
    HOTSHOT = Text("a Hotshot-XL UNet")
    SDXL = Text("a Stable Diffusion XL checkpoint")
    SDXL_UNET = Text("a Stable Diffusion XL UNet")
    REFINER = Text("the refiner of Stable Diffusion XL")
    SD1 = Text("a Stable Diffusion 1.x checkpoint")
    SD2 = Text("a Stable Diffusion 2.x checkpoint")
    SD3 = Text("a Stable Diffusion 3 checkpoint")
    FLUX = Text("a Flux checkpoint")
    CONTROLNET = Text("a ControlNet")
    CONTROL_LORA = Text("a Control-LoRA")
    CONTROL_LITE = Text("a ControlNet-LLLite")
    T2I_ADAPTER = Text("a T2I-Adapter")
    IP_ADAPTER = Text("an IP-Adapter")
    VAE = Text("only a VAE")
    TEXT = Text("only a text encoder")
    UNKNOWN = Text("a file of an unknown kind")


LDM_UNET = "model.diffusion_model."
# How the names of the other networks' tensors begin in a single file as Civitai gives it, by the
# names of their folders in a model directory.
COMPONENT_PREFIXES = {
    "vae": "first_stage_model.",
    "text_encoder": "conditioner.embedders.0.transformer.",
    "text_encoder_2": "conditioner.embedders.1.model.",
}
_CHANGES = {"down", "up", "mid", "diff", "diff_b", *lora_names.LYCORIS}
_TEXT_WIDTHS = {768: Kind.SD1, 1024: Kind.SD2, 1280: Kind.REFINER}


def kind_of(shapes: Shapes) -> Kind:
    """Return what a file with tensors of these names and shapes is."""
    for kind, fits in _SIGNS:
        if fits(shapes):
            return kind
    if any(_is_unet(name) for name in shapes):
        return _kind_of_unet(shapes)
    return Kind.VAE if _has(shapes, "decoder.") else Kind.UNKNOWN


def components_in(names: Iterable[str]) -> frozenset[str]:
    """Return which networks beside the UNet a single file has, by their folders' names."""
    starts = tuple(COMPONENT_PREFIXES.items())
    return frozenset(part for name in names for part, prefix in starts if name.startswith(prefix))


def _kind_of_unet(shapes: Shapes) -> Kind:
    older = _TEXT_WIDTHS.get(_text_width(shapes) or 0)
    if not (_has(shapes, "label_emb.0.0.") or _has(shapes, "add_embedding.")):
        return older if older in {Kind.SD1, Kind.SD2} else Kind.UNKNOWN
    if older is Kind.REFINER:
        return Kind.REFINER
    whole = _has(shapes, "conditioner.embedders.") and _has(shapes, "first_stage_model.")
    return Kind.SDXL if whole else Kind.SDXL_UNET


def _text_width(shapes: Shapes) -> int | None:
    """Return how wide the text is that a UNet listens to."""
    for name, shape in shapes.items():
        if name.endswith("attn2.to_k.weight") and len(shape) == 2:
            return shape[1]
    return None


def _is_unet(name: str) -> bool:
    return name.startswith((LDM_UNET, "input_blocks.", "down_blocks.", "mid_block."))


def _has(shapes: Shapes, sign: str) -> bool:
    return any(sign in name for name in shapes)


def _starts(shapes: Shapes, *signs: str) -> bool:
    return any(name.startswith(signs) for name in shapes)


def _is_lora(shapes: Shapes) -> bool:
    return any((part := lora_names.part_of(name)) and part.role in _CHANGES for name in shapes)


def _is_motion_lora(shapes: Shapes) -> bool:
    return _is_animatediff(shapes) and _is_lora(shapes)


def _is_animatediff(shapes: Shapes) -> bool:
    """Return whether a file is AnimateDiff's: of four blocks a side, where Hotshot-XL has three."""
    return any(
        ".temporal_transformer." in name
        or (_is_temporal(name) and ("down_blocks.3." in name or "up_blocks.3." in name))
        for name in shapes
    )


def _is_temporal(name: str) -> bool:
    return ".temporal_attentions." in name or ".motion_modules." in name


# The order matters: a ControlNet has the blocks of a UNet, and a LoRA names those of anything.
_SIGNS: tuple[tuple[Kind, Callable[[Shapes], bool]], ...] = (
    (Kind.CONTROL_LORA, lambda shapes: "lora_controlnet" in shapes),
    (Kind.CONTROL_LITE, lambda shapes: _starts(shapes, "lllite_")),
    (Kind.IP_ADAPTER, lambda shapes: _starts(shapes, "ip_adapter.")),
    (Kind.T2I_ADAPTER, lambda shapes: _starts(shapes, "adapter.body.", "body.0.")),
    (Kind.MOTION_LORA, _is_motion_lora),
    (Kind.LORA, _is_lora),
    (Kind.UNREADABLE_LORA, lambda shapes: lora_names.unreadable_format(shapes) is not None),
    (Kind.ANIMATEDIFF, _is_animatediff),
    (Kind.EMBEDDING, lambda shapes: bool(shapes) and all(map(lora_names.is_embedding, shapes))),
    (Kind.TEMPORAL, lambda shapes: bool(shapes) and all(map(_is_temporal, shapes))),
    (Kind.HOTSHOT, lambda shapes: any(map(_is_temporal, shapes))),
    (
        Kind.CONTROLNET,
        lambda shapes: (
            _has(shapes, "controlnet_cond_embedding.")
            or _has(shapes, "control_model.")
            or _has(shapes, "zero_convs.")
        ),
    ),
    (Kind.FLUX, lambda shapes: _has(shapes, "double_blocks.")),
    (Kind.SD3, lambda shapes: _has(shapes, "joint_blocks.")),
    (
        Kind.TEXT,
        lambda shapes: (
            bool(shapes)
            and all(name.startswith(("text_model.", "text_projection")) for name in shapes)
        ),
    ),
)
