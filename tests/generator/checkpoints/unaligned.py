"""Safetensors files whose tensors, once mapped, lie beside the boundaries of vectors in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from safetensors.torch import load_file, save
from torch import Tensor, nn

from generator.checkpoints.weights import ALIGNMENT

OFF = 4  # bytes beside a boundary


def save_unaligned(tensors: dict[str, Tensor], path: Path) -> Path:
    """Write a safetensors file whose data begins ``OFF`` bytes behind a multiple of 64.

    A header may end in spaces; that is how writers pad it.
    """
    data = save({name: value.contiguous() for name, value in tensors.items()})
    length = int.from_bytes(data[:8], "little")
    header = data[8 : 8 + length].rstrip(b" ")
    header += b" " * ((OFF - 8 - len(header)) % ALIGNMENT)
    path.write_bytes(len(header).to_bytes(8, "little") + header + data[8 + length :])
    return path


def unalign(directory: Path) -> None:
    """Write all weights again, in float32: what is converted when it is loaded is copied anyway."""
    for path in directory.rglob("*.safetensors"):
        save_unaligned(in_float32(path), path)


def in_float32(path: Path) -> dict[str, Tensor]:
    return {name: value.float() for name, value in load_file(path).items()}


def lie_well(modules: Iterable[nn.Module]) -> bool:
    tensors = [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]
    assert tensors
    return all(each.is_contiguous() and each.data_ptr() % ALIGNMENT == 0 for each in tensors)
