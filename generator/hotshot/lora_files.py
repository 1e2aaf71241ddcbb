"""LoRA files: from a path or a hub id to the tensors of each layer that they change.

Whatever can't be read is refused with its format's name before a tensor is loaded. Knows file
formats, and nothing of the networks beyond the layers' names.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from generator.errors import ModelError
from generator.hotshot.lora_delta import Tensors, rank_of
from generator.hotshot.sources import fetch_file, fetch_only_file
from generator.places import existing, on_the_hub
from generator.weightfiles.header import MAX_LORA_HEADER, Header, read_header
from generator.weightfiles.lora_facts import base_model, check_is_lora
from generator.weightfiles.lora_names import part_of

# What diffusers, PEFT and most hosts call the file in a directory or repository.
_PEFT_NAME, _PEFT_SETTINGS = "adapter_model.safetensors", "adapter_config.json"
_USUAL_NAMES = ("pytorch_lora_weights.safetensors", _PEFT_NAME)


@dataclass(frozen=True, slots=True)
class LayerChange:
    """What is known of one layer: its tensors by role, and alpha through rank."""

    parts: Tensors
    scale: float


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA file in memory, on the CPU: changes by network and flat layer name.

    ``made_for`` is the base model that it was made for, where it says so.
    """

    name: str
    changes: Mapping[tuple[str, str], LayerChange]
    made_for: str | None


def find_lora(given: str) -> Path:
    """The file of a path, a directory, or a hub id (``owner/name`` or ``owner/name/file``).

    Raises ModelError where there is none.
    """
    path = existing(given)
    if path is not None:
        return _in_directory(path) if path.is_dir() else path
    repository, inner = on_the_hub(given) or ("", "")
    if not repository:
        raise ModelError(
            "There is no LoRA at {given}; give a .safetensors file or a hub id such as owner/name.",
            given=given,
        )
    found = fetch_file(repository, (inner,)) if inner else fetch_only_file(repository, _USUAL_NAMES)
    if found.name == _PEFT_NAME:  # its alpha is in a file of its own
        with contextlib.suppress(ModelError):
            fetch_file(repository, (_PEFT_SETTINGS,))
    return found


def read_adapter(path: Path) -> Adapter:
    """Raises ModelError, one sentence, for what is no LoRA, is damaged or can't be read here."""
    header = read_header(path, at_most=MAX_LORA_HEADER)
    check_is_lora(path.name, header)
    _check_all_understood(path, header)
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(
            "{name} can't be read ({reason}); fetch it again.", name=path.name, reason=error
        ) from error
    settings = _settings(path, header)
    layers: dict[tuple[str, str], dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if part := part_of(name):
            layers.setdefault((part.network, part.layer), {})[part.role] = tensor
    changes = {place: _change(path, place, parts, settings) for place, parts in layers.items()}
    return Adapter(path.name, changes, base_model(header))


def _in_directory(directory: Path) -> Path:
    found = [directory / name for name in _USUAL_NAMES if (directory / name).is_file()]
    found = found or sorted(directory.glob("*.safetensors"))
    if len(found) != 1:
        what = "several .safetensors files" if found else "no .safetensors file"
        raise ModelError(f"{directory} holds {what}; name the LoRA's own file.")
    return found[0]


def _check_all_understood(path: Path, header: Header) -> None:
    unknown = [name for name in header.shapes if part_of(name) is None]
    if unknown:
        raise ModelError(
            "{name} holds {number:,} tensors of a kind that can't be read here, such as "
            "{example!r}; LoRA, DoRA, LoHa and LoKr can.",
            name=path.name,
            number=len(unknown),
            example=unknown[0][:100],
        )


def _change(
    path: Path, place: tuple[str, str], parts: dict[str, Tensor], settings: _Settings
) -> LayerChange:
    alpha = parts.pop("alpha", None)
    if not all(bool(tensor.isfinite().all()) for tensor in (*parts.values(), _or_zero(alpha))):
        raise ModelError(
            "{name} holds values that are no numbers, in {layer}; its training failed.",
            name=path.name,
            layer=place[1],
        )
    rank = rank_of(parts)
    if rank is None:
        return LayerChange(parts, 1.0)
    if rank == 0:
        raise ModelError(
            "{name} has rank 0 in {layer}; it is damaged.", name=path.name, layer=place[1]
        )
    if alpha is not None:
        return LayerChange(parts, float(alpha.flatten()[0]) / rank)
    return LayerChange(parts, settings.scale(place[0], rank))


def _or_zero(alpha: Tensor | None) -> Tensor:
    return torch.zeros(1) if alpha is None else alpha


@dataclass(frozen=True, slots=True)
class _Settings:
    """What PEFT wrote beside the tensors or into their metadata, by network; '' is for all."""

    by_network: Mapping[str, Mapping[str, Any]]

    def scale(self, network: str, rank: int) -> float:
        """Alpha through rank, where no tensor gives alpha."""
        values = self.by_network.get(network) or self.by_network.get("") or {}
        alpha = values.get("lora_alpha", values.get("alpha"))
        if not isinstance(alpha, int | float) or not math.isfinite(alpha):
            return 1.0
        return alpha / math.sqrt(rank) if values.get("use_rslora") is True else alpha / rank


def _settings(path: Path, header: Header) -> _Settings:
    beside = path.parent / _PEFT_SETTINGS
    found: dict[str, dict[str, Any]] = {}
    if path.name == _PEFT_NAME and beside.is_file():
        found[""] = _json(beside.read_bytes()[:MAX_LORA_HEADER])
    for key, value in _json(header.metadata.get("lora_adapter_metadata", "")).items():
        network, _, name = key.partition(".")
        found.setdefault(network, {})[name] = value
    return _Settings(found)


def _json(text: str | bytes) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
