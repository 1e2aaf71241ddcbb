"""``<lora:name:0.8>`` in a prompt, as A1111, ComfyUI and Civitai write it. Standard library only.

No text encoder knows what to do with such a tag: it is taken out of the text, and whoever knows
which LoRAs there are looks the name up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

MOST_TAGS = 20  # as many as are looked up; further ones are taken out all the same

_TAG = re.compile(
    r"<\s*(?:lora|lyco|locon|loha|lokr)\s*:([^<>:]{1,200}+)((?::[^<>]{0,200}+)?)>", re.I
)
_NUMBER = re.compile(r"[+-]?(?:\d{1,6}(?:[.,]\d{0,6})?|[.,]\d{1,6})")
_GAP = re.compile(r"\s*,(?:\s*,)+|[ \t]+,|[ \t]{2,}")  # what a tag leaves behind
_SUFFIX = ".safetensors"


@dataclass(frozen=True, slots=True)
class LoraTag:
    """``strength`` is None where the tag says none."""

    name: str
    strength: float | None

    @property
    def key(self) -> str:
        """What names of LoRAs and of their files are compared by."""
        return file_key(self.name)


def has_tags(prompt: str) -> bool:
    """Return whether a prompt has any LoRA tag."""
    return _TAG.search(prompt) is not None


def extract_tags(prompt: str) -> tuple[str, tuple[LoraTag, ...]]:
    """Return the prompt without its LoRA tags, and these, each name once."""
    tags: dict[str, LoraTag] = {}
    for found in _TAG.finditer(prompt):
        tag = LoraTag(" ".join(found[1].split()), _strength(found[2]))
        if tag.key and len(tags) < MOST_TAGS:
            tags.setdefault(tag.key, tag)
    if not _TAG.search(prompt):
        return prompt, ()
    text = _GAP.sub(lambda gap: "," if "," in gap[0] else " ", _TAG.sub(" ", prompt))
    return text.strip(" \t,"), tuple(tags.values())


def file_key(name: str) -> str:
    """Return a file's name without folders and ending, as names of LoRAs are compared.

    ``Pixel_Art.safetensors`` and ``pixel art`` are the same.
    """
    last = PurePosixPath(name.replace("\\", "/")).name.casefold().removesuffix(_SUFFIX)
    return " ".join(last.replace("_", " ").split())


def hash_prefix(name: str) -> str | None:
    """Return the name in lower case where it may be the beginning of a SHA-256, else None."""
    lowered = name.strip().lower()
    is_hash = 8 <= len(lowered) <= 64 and re.fullmatch(r"[0-9a-f]+", lowered)
    return lowered if is_hash else None


def _strength(arguments: str) -> float | None:
    """Return a tag's first number: A1111 takes one for the text encoder and one for the UNet."""
    for argument in arguments.split(":"):
        value = argument.rpartition("=")[2].strip()
        if _NUMBER.fullmatch(value):
            return float(value.replace(",", "."))
    return None
