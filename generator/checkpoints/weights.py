"""Weights on disk: finds, reads and assigns them, strictly. Safetensors alone, never a pickle.

Knows nothing of any architecture: what a file holds must be what the module wants, tensor by
tensor, and every way in which it isn't becomes one sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from generator.checkpoints.file_selection import VARIANTS, index_name
from generator.contract.errors import ModelError
from generator.contract.json_text import JsonError, parse_json
from generator.contract.text import Text

ALIGNMENT = 64  # bytes, as PyTorch allocates on a CPU: no vector register is wider
_MISSING, _SURPLUS = Text("missing"), Text("unexpected")


def read_config(path: Path) -> dict[str, Any]:
    """Return a config's JSON object. Raises ModelError where it is missing or broken."""
    try:
        values = parse_json(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ModelError(
            "{path} is missing; a model directory has the published layout of Hotshot-XL "
            "(unet, vae, text_encoder, text_encoder_2, tokenizer, tokenizer_2, scheduler).",
            path=path,
        ) from None
    except (OSError, UnicodeDecodeError, JsonError) as error:
        raise ModelError(
            "{name} can't be read ({reason}); download it again.", name=path, reason=error
        ) from error
    if not isinstance(values, dict):
        raise ModelError("{path} isn't a JSON object; download it again.", path=path)
    return values


def find_weights(directory: Path, stem: str) -> list[Path]:
    """Return the weight files of one component: whole or in shards, full or in the fp16 variant.

    Raises ModelError where there is none, or a shard is missing.
    """
    for variant in VARIANTS:
        whole = directory / f"{stem}{variant}.safetensors"
        if whole.is_file():
            return [whole]
        index = directory / index_name(stem, variant)
        if index.is_file():
            return _shards(index)
    raise ModelError(_nothing_found(directory, stem))


def read_weights(
    files: Iterable[Path], *, keep: Callable[[str], bool] = lambda _name: True
) -> dict[str, Tensor]:
    """Return all tensors whose names are to be kept, on the CPU, mapped where possible.

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
                "{name} is cut off or isn't a safetensors file ({reason}); download it again.",
                name=path,
                reason=error,
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
    """Put the tensors into a module built on the meta device, each ``aligned``.

    One tensor is copied at a time, and none twice. Raises ModelError where one is missing, left
    over or of another shape.
    """
    check_fit(module.state_dict(), tensors, source)
    placed = {
        name: aligned(value.to(device=device, dtype=dtype)) for name, value in tensors.items()
    }
    module.load_state_dict(placed, assign=True)


def aligned(tensor: Tensor) -> Tensor:
    """Return the same values where every way of loading them puts them alike in memory.

    Kernels take another path, and add up in another order, where a tensor's rows aren't in order
    or, on a CPU, where it begins beside a vector's boundary, as one mapped from a file mostly does:
    the last bits of a clip would depend on the length of a file's header. A tensor that lies well
    already is returned as it is.
    """
    tensor = tensor.contiguous()
    if tensor.device.type == "cpu" and tensor.data_ptr() % ALIGNMENT:
        return tensor.clone()
    return tensor


def align(module: nn.Module) -> None:
    """Have every parameter and buffer of a loaded module ``aligned``, one after the other."""
    for tensor in (*module.parameters(), *module.buffers()):
        tensor.data = aligned(tensor.data)


def check_fit(wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor], source: Path) -> None:
    """Compare names and shapes. Raises ModelError for one missing, left over or mis-shaped."""
    missing = sorted(wanted.keys() - tensors.keys())
    surplus = sorted(tensors.keys() - wanted.keys())
    if missing or surplus:
        raise ModelError(
            "The weights in {source} don't fit their config: {missing} and {surplus}; give a "
            "model of Hotshot-XL's architecture with the config that belongs to it.",
            source=source,
            missing=_counted(_MISSING, missing),
            surplus=_counted(_SURPLUS, surplus),
        )
    for name, value in wanted.items():
        if tensors[name].shape != value.shape:
            raise ModelError(
                "The weights in {source} don't fit their config: {name} is {found} where "
                "{wanted} is wanted; give a model of Hotshot-XL's architecture with the config "
                "that belongs to it.",
                source=source,
                name=name,
                found=_shape(tensors[name].shape),
                wanted=_shape(value.shape),
            )


def _shards(index: Path) -> list[Path]:
    names = read_config(index).get("weight_map")
    if not isinstance(names, dict) or not names or not all(map(_is_text, names.values())):
        raise ModelError("{index} names no shards; download it again.", index=index)
    shards = [index.parent / name for name in sorted(set(names.values()))]
    for shard in shards:
        if not shard.is_file():
            raise ModelError(
                "{shard}, a shard of {name}, is missing; download it again.",
                shard=shard,
                name=index.name,
            )
    return shards


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _nothing_found(directory: Path, stem: str) -> Text:
    pickles = sorted(path.name for path in directory.glob("*.bin"))
    if pickles:
        return Text(
            "{directory} has only {pickle}, which could run code when read; convert it to "
            "{stem}.safetensors.",
            directory=directory,
            pickle=pickles[0],
            stem=stem,
        )
    path = f"{directory / stem}.safetensors"
    return Text("{path} is missing; download the model again.", path=path)


def _counted(what: Text, names: list[str]) -> Text:
    if not names:
        return Text("{number:,} {what}", number=0, what=what)
    return Text(
        "{number:,} {what} (such as {example})", number=len(names), what=what, example=names[0]
    )


def _shape(shape: torch.Size) -> str:
    return " x ".join(map(str, shape))
