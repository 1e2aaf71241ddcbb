"""For which model a LoRA was made: by its shapes and names, which don't lie, else by its words."""

from __future__ import annotations

from generator.checkpoints.inspect.architecture import sdxl_layers
from generator.checkpoints.inspect.lora_file import LoraFile
from generator.checkpoints.inspect.lora_layers import ModelLayers
from generator.checkpoints.inspect.lora_names import TEXT, UNET
from generator.contract.errors import ModelError
from generator.contract.text import Text

SDXL = "SDXL"

_BY_WIDTH = {
    768: "Stable Diffusion 1.x",
    1024: "Stable Diffusion 2.x",
    1280: "the refiner of SDXL",
    2048: SDXL,
}
# What layers of other networks are called, by trainers of any kind.
_BY_NAME = (
    (("double_blocks", "single_blocks", "single_transformer_blocks"), "Flux"),
    (("joint_blocks",), "Stable Diffusion 3"),
    (("llm_adapter", "noise_refiner", "context_refiner"), "another network than SDXL"),
    (("blocks_0_cross_attn", "blocks_1_cross_attn", "blocks_0_self_attn"), "Wan"),
    (("transformer_transformer_blocks",), "another network than SDXL"),
    (
        ("down_blocks_0_attentions", "up_blocks_3_", "input_blocks_1_1_", "output_blocks_9_1_"),
        "Stable Diffusion 1.x or 2.x",
    ),
)
# As the metadata of kohya's trainer and of ModelSpec spell it.
_BY_WORD = (
    ("sdxl", SDXL),
    ("stable-diffusion-xl", SDXL),
    ("sd_v1", "Stable Diffusion 1.x"),
    ("stable-diffusion-v1", "Stable Diffusion 1.x"),
    ("sd_1.5", "Stable Diffusion 1.x"),
    ("sd_v2", "Stable Diffusion 2.x"),
    ("stable-diffusion-v2", "Stable Diffusion 2.x"),
    ("stable-diffusion-3", "Stable Diffusion 3"),
    ("sd3", "Stable Diffusion 3"),
    ("flux", "Flux"),
    ("wan2", "Wan"),
    ("hunyuan", "Hunyuan"),
    ("qwen", "Qwen-Image"),
)


def base_model(lora: LoraFile) -> str | None:
    """Return the model's name; None where nothing in the file tells."""
    base = _by_text_width(lora) or _by_name(lora)
    if base is not None:
        return base
    named_base = _by_words(lora)
    if named_base in (None, SDXL) and not _is_of_older_clip(lora):
        return SDXL if sdxl_layers().misfit(lora) is None else named_base
    return named_base


def check_fits_model(lora: LoraFile, layers: ModelLayers) -> None:
    """Raise ModelError, one sentence, where the LoRA was made for another model."""
    reason = layers.misfit(lora)
    if reason is not None:
        raise unfit(lora, reason)


def unfit(lora: LoraFile, reason: Text) -> ModelError:
    """Return the sentence about a LoRA that doesn't fit the model for this ``reason``."""
    base = base_model(lora)
    if base is None:
        return ModelError(
            "The LoRA {name} doesn't fit this model ({reason}); give a LoRA that was made for the "
            "same base.",
            name=lora.path.name,
            reason=reason,
        )
    return ModelError(
        "The LoRA {name} was made for {base} and doesn't fit this model ({reason}); give a LoRA "
        "that was made for the same base.",
        name=lora.path.name,
        base=base,
        reason=reason,
    )


def _by_text_width(lora: LoraFile) -> str | None:
    """Return the base that has text as wide as the UNet's cross-attention takes in."""
    for (network, layer), found in lora.layers.items():
        is_attention = layer.endswith(("attn2_to_k", "attn2_to_v")) and "blocks_" in layer
        if network == UNET and is_attention and found.change and len(found.change) > 1:
            return _BY_WIDTH.get(found.change[1])
    return None


def _by_name(lora: LoraFile) -> str | None:
    for network, layer in lora.layers:
        if network != UNET:
            continue
        for signs, base in _BY_NAME:
            if any(sign in layer for sign in signs):
                return base
    return None


def _by_words(lora: LoraFile) -> str | None:
    metadata = lora.header.metadata
    words = " ".join(
        metadata.get(key, "")
        for key in ("modelspec.architecture", "ss_base_model_version", "ss_sd_model_name")
    ).lower()
    return next((model for word, model in _BY_WORD if word in words), None)


def _is_of_older_clip(lora: LoraFile) -> bool:
    """Return whether a LoRA is for Stable Diffusion 1.x's text encoder (``lora_te_``).

    Its shapes are those of SDXL's first.
    """
    if any(network != TEXT for network, _ in lora.layers):
        return False
    names = (name for layer in lora.layers.values() for name in layer.names.values())
    return any(name.startswith("lora_te_") for name in names)
