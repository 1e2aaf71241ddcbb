"""LoRA files: from a path or a hub id to the tensors of each layer that they change.

What the files may be, and whether they can be used, is for ``generator.checkpoints.inspect`` to
say.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from generator.checkpoints.inspect.lora_file import (
    DEFAULT_FILE_NAMES,
    LayerKey,
    LoraFile,
    LoraLayer,
    in_directory,
    read_lora,
)
from generator.checkpoints.inspect.lora_settings import PEFT_NAME, PEFT_SETTINGS
from generator.checkpoints.inspect.lora_shapes import rank_of
from generator.checkpoints.lora_delta import Tensors
from generator.checkpoints.resolve import fetch_file, fetch_only_file
from generator.contract.errors import ModelError
from generator.contract.paths import existing_path, parse_hub_id


@dataclass(frozen=True, slots=True)
class LayerChange:
    """What is known of one layer: its tensors by role, and alpha through rank."""

    factors: Tensors
    scale: float


@dataclass(frozen=True, slots=True)
class LoraTensors:
    """A LoRA file in memory, on the CPU: what was checked of it, and its changes by layer."""

    lora: LoraFile
    changes: Mapping[LayerKey, LayerChange]


def resolve_lora(given: str) -> Path:
    """Return the file of a path, a directory, or a hub id (``owner/name`` or ``owner/name/file``).

    Raises ModelError where there is none.
    """
    path = existing_path(given)
    if path is not None:
        return in_directory(path) if path.is_dir() else path
    repository, inner = parse_hub_id(given) or ("", "")
    if not repository:
        raise ModelError(
            "There is no LoRA at {given}; give a .safetensors file or a hub id such as owner/name.",
            given=given,
        )
    found = (
        fetch_file(repository, (inner,))
        if inner
        else fetch_only_file(repository, DEFAULT_FILE_NAMES)
    )
    if found.name == PEFT_NAME:  # its alpha is in a file of its own
        with contextlib.suppress(ModelError):
            fetch_file(repository, (PEFT_SETTINGS,))
    return found


def load_lora_tensors(path: Path) -> LoraTensors:
    """Return a LoRA's tensors by layer. Raises ModelError for what is none, or is damaged."""
    lora = read_lora(path)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(
            "{name} can't be read ({reason}); download it again.", name=path.name, reason=error
        ) from error
    changes = {key: _change(lora, key, layer, tensors) for key, layer in lora.layers.items()}
    return LoraTensors(lora, changes)


def _change(
    lora: LoraFile, key: LayerKey, layer: LoraLayer, tensors: Mapping[str, Tensor]
) -> LayerChange:
    factors = {role: tensors[name] for role, name in layer.names.items()}
    alpha = factors.pop("alpha", None)
    if alpha is None:
        return LayerChange(factors, layer.scale(lora.settings, key[0]))
    # LyCORIS gives one to LoKr with whole factors, too, where it is nothing.
    rank = rank_of(layer.shapes)
    return LayerChange(factors, float(alpha.flatten()[0].double()) / rank if rank else 1.0)
