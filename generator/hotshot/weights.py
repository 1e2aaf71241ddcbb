"""Weights on disk: finds, reads and assigns them, strictly. Safetensors alone, never a pickle.

Knows nothing of any architecture: what a file holds must be what the module wants, tensor by
tensor, and every way in which it isn't becomes one sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from generator.errors import ModelError

DIFFUSERS_STEM = "diffusion_pytorch_model"
TRANSFORMERS_STEM = "model"


def read_config(path: Path) -> dict[str, Any]:
    """A JSON object. Raises ModelError where it is missing or broken."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(
            f"{path} is missing; a model directory has the published layout of Hotshot-XL "
            "(unet, vae, text_encoder, text_encoder_2, tokenizer, tokenizer_2, scheduler)."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{path} can't be read ({error}); fetch it again.") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path} is not a JSON object; fetch it again.")
    return values


def find_weights(directory: Path, stem: str) -> list[Path]:
    """The weight files of one component: whole or in shards, full or in the fp16 variant.

    Raises ModelError where there is none, or a shard is missing.
    """
    for infix in ("", ".fp16"):
        whole = directory / f"{stem}{infix}.safetensors"
        if whole.is_file():
            return [whole]
        index = directory / f"{stem}.safetensors.index{infix}.json"
        if index.is_file():
            return _shards(index)
    raise ModelError(_nothing_found(directory, stem))


def read_weights(
    files: Iterable[Path], *, keep: Callable[[str], bool] = lambda _name: True
) -> dict[str, Tensor]:
    """All tensors whose names are to be kept, on the CPU, mapped rather than read where possible.

    Raises ModelError for a file that is truncated or no safetensors.
    """
    tensors: dict[str, Tensor] = {}
    for path in files:
        try:
            with safe_open(path, framework="pt") as opened:
                for name in filter(keep, opened.keys()):
                    tensors[name] = opened.get_tensor(name)
        except (SafetensorError, OSError) as error:
            raise ModelError(
                f"{path} is truncated or no safetensors file ({error}); fetch it again."
            ) from error
    return tensors


def assign(
    module: nn.Module,
    tensors: Mapping[str, Tensor],
    *,
    source: Path,
    device: torch.device,
    dtype: torch.dtype,
) -> None:
    """Puts the tensors into a module built on the meta device, without a second copy.

    Raises ModelError where one is missing, left over or of another shape.
    """
    check_fit(module.state_dict(), tensors, source)
    placed = {name: value.to(device=device, dtype=dtype) for name, value in tensors.items()}
    module.load_state_dict(placed, assign=True)


def check_fit(wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], source: Path) -> None:
    """Compares names and shapes. Raises ModelError for one missing, left over or mis-shaped."""
    missing = sorted(wanted.keys() - tensors.keys())
    surplus = sorted(tensors.keys() - wanted.keys())
    if missing or surplus:
        raise ModelError(
            f"The weights in {source} don't fit their config: "
            f"{_counted('missing', missing)} and {_counted('left over', surplus)}; "
            "give a model of Hotshot-XL's architecture with the config that belongs to it."
        )
    for name, value in wanted.items():
        if tensors[name].shape != value.shape:
            raise ModelError(
                f"The weights in {source} don't fit their config: {name} is "
                f"{_shape(tensors[name].shape)} where {_shape(value.shape)} is wanted; "
                "give a model of Hotshot-XL's architecture with the config that belongs to it."
            )


def _shards(index: Path) -> list[Path]:
    names = read_config(index).get("weight_map")
    if not isinstance(names, dict) or not names or not all(map(_is_text, names.values())):
        raise ModelError(f"{index} names no shards; fetch it again.")
    shards = [index.parent / name for name in sorted(set(names.values()))]
    for shard in shards:
        if not shard.is_file():
            raise ModelError(f"{shard}, a shard of {index.name}, is missing; fetch it again.")
    return shards


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _nothing_found(directory: Path, stem: str) -> str:
    pickles = sorted(path.name for path in directory.glob("*.bin"))
    if pickles:
        return (
            f"{directory} has only {pickles[0]}, which could run code when read; "
            f"convert it to {stem}.safetensors."
        )
    return f"{directory / stem}.safetensors is missing; fetch the model again."


def _counted(what: str, names: list[str]) -> str:
    example = f" (such as {names[0]})" if names else ""
    return f"{len(names):,} {what}{example}"


def _shape(shape: torch.Size) -> str:
    return " x ".join(map(str, shape))
