"""The kernels of one device: made when they are first needed, kept on disk, found again.

On CUDA they are Triton's (``triton_kernels``): about a second each, for a width of the network and
not for a size of clip. Elsewhere inductor compiles each block for its shapes, which takes minutes.
Neither depends on weights, so a LoRA compiles nothing. Their directory is named by what they
do depend on: the device, PyTorch, and this program's version.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from generator.contract.version import VERSION
from generator.model import devices
from generator.model.fused import layers
from generator.model.fused.kernel_files import KernelFiles
from generator.model.fused.network import Functions
from generator.model.fused.ops import Ops

_VERSIONS = 512  # of one function, by shape: a network has about ten, at each size of clip

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Kernels:
    """The kernels of one device, in a directory of their own."""

    files: KernelFiles
    is_cuda: bool = False
    _functions: Functions | None = None

    @classmethod
    def of(cls, device: torch.device, root: Path | None = None) -> Kernels | None:
        """Return a device's kernels; None, with a line in the log, where none can be kept."""
        name = f"{devices.describe_device(device)}-torch-{torch.__version__}-hotshot-{VERSION}"
        directory = (root or _root()) / re.sub(r"[^A-Za-z0-9._+-]+", "-", name).lower()
        try:
            files = KernelFiles.open(directory)
        except OSError as error:
            logger.warning(
                "Compiled kernels can't be stored in %s (%s).", directory, error.strerror
            )
            return None
        return cls(files, device.type == "cuda")

    @property
    def functions(self) -> Functions:
        """Return the UNet's parts with these kernels. Raises ImportError on CUDA without Triton."""
        if self._functions is None:
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(self.files.directory)
            os.environ["TRITON_CACHE_DIR"] = str(self.files.directory / "triton")
            self._functions = _with_triton() if self.is_cuda else _compiled()
        return self._functions


def _with_triton() -> Functions:
    from generator.model.fused import triton_kernels as kernels  # only PyTorch for CUDA brings it

    return Functions(
        ops=Ops(
            kernels.add_norm,
            kernels.gate,
            kernels.group_norm,
            kernels.add,
            kernels.attend_in_time,
        )
    )


def _compiled() -> Functions:
    import torch._dynamo.config as dynamo  # seconds, which only who compiles waits for

    dynamo.recompile_limit = max(dynamo.recompile_limit, _VERSIONS)
    dynamo.accumulated_recompile_limit = max(dynamo.accumulated_recompile_limit, 8 * _VERSIONS)
    compiled: dict[str, Any] = {
        one.name: torch.compile(getattr(layers, one.name), fullgraph=True, dynamic=False)
        for one in fields(Functions)
        if one.name != "ops"
    }
    return Functions(**compiled)


def _root() -> Path:
    """Return the directory of kernels, below the user's cache."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "hotshot" / "kernels"
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "hotshot" / "kernels"
