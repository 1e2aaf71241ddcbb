"""What options are called in each language. In English, and in code, they keep their names."""

from __future__ import annotations

from bot.core.translations import is_english, say
from generator.contract.text import Words

NAMES = {
    "prompt": Words("prompt"),
    "size": Words("size"),
    "frames": Words("frames"),
    "duration": Words("duration"),
    "negative_prompt": Words("negative prompt"),
    "steps": Words("steps"),
    "guidance": Words("guidance"),
    "scheduler": Words("sampler"),
    "seed": Words("seed"),
    "lora": Words("LoRA"),
    "lora_strength": Words("LoRA strength"),
    "lora_2": Words("LoRA 2"),
    "lora_2_strength": Words("LoRA 2 strength"),
    "control_gif": Words("control GIF"),
    "control_link": Words("control link"),
    "control_type": Words("control type"),
    "control_strength": Words("control strength"),
    "image": Words("image"),
    "image_link": Words("image link"),
    "image_strength": Words("image strength"),
    "style": Words("style"),
    "count": Words("count"),
    "format": Words("format"),
    "private": Words("private"),
    "name": Words("name"),
    "file": Words("file"),
    "link": Words("link"),
    "trigger_words": Words("trigger words"),
    "strength": Words("strength"),
    "page": Words("page"),
    "who": Words("who"),
    "search": Words("search"),
    "only": Words("only"),
    "id": Words("GIF"),
    "job": Words("job"),
    "ping": Words("ping"),
    "recipe": Words("recipe"),
    "channel": Words("channel"),
    "role": Words("role"),
    "waiting": Words("waiting"),
}


def as_option_name(words: Words) -> str:
    """Return the words as Discord allows an option to be called: small letters, no spaces."""
    return say(words).lower().replace(" ", "_").replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")


def option_name(name: str) -> str:
    """Return what people in the language being spoken type for an option."""
    return as_option_name(NAMES[name]) if name in NAMES and not is_english() else name
