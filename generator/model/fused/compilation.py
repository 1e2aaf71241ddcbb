"""Has the UNet's blocks compiled by inductor, one by one, and keeps what it made on disk.

A block is compiled once for each shape of it, whatever the weights, so neither LoRAs nor other
models of the same widths compile anything. The kernels' directory is named by what they depend on:
the device, PyTorch, and this program's version; another process finds them there.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import torch
import torch._dynamo.config as dynamo

from generator.contract.version import VERSION
from generator.model import devices
from generator.model.fused import layers
from generator.model.fused.network import Functions

_VERSIONS = 256  # of one function, by shape: a network has about ten of each, at each size of clip


def kernel_directory(root: Path, device: torch.device) -> Path:
    """Return where the kernels for a device are kept below ``root``."""
    name = f"{devices.describe_device(device)}-torch-{torch.__version__}-hotshot-{VERSION}"
    return root / re.sub(r"[^A-Za-z0-9._+-]+", "-", name).strip("-").lower()


def keep_kernels(directory: Path) -> None:
    """Have inductor and triton keep kernels in a directory, and find those that are there."""
    directory.mkdir(parents=True, exist_ok=True)
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(directory)
    os.environ["TRITON_CACHE_DIR"] = str(directory / "triton")


def compiled_functions() -> Functions:
    """Return functions that are compiled when they first see a shape."""
    dynamo.recompile_limit = max(dynamo.recompile_limit, _VERSIONS)
    dynamo.accumulated_recompile_limit = max(dynamo.accumulated_recompile_limit, 8 * _VERSIONS)
    return Functions(
        **{name: _compiled(getattr(layers, name)) for name in Functions.__dataclass_fields__}
    )


def _compiled(function: Any) -> Any:
    return torch.compile(function, fullgraph=True, dynamic=False)
