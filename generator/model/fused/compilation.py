"""Has the UNet's blocks compiled by inductor, one by one, and keeps what it made on disk.

A block is compiled once for each shape of it, whatever the weights, so neither LoRAs nor other
models of the same widths compile anything. The kernels' directory is named by what they depend on:
the device, PyTorch, and this program's version; another process finds them there.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

from generator.contract.version import VERSION
from generator.model import devices
from generator.model.fused import layers
from generator.model.fused.network import Functions

_VERSIONS = 512  # of one function, by shape: a network has about ten, at each size of clip
_SHAPES = "shapes"

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Kernels:
    """The compiled kernels of one device, in a directory of their own."""

    directory: Path
    _functions: Functions | None = None
    _noted: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, device: torch.device, root: Path | None = None) -> Kernels | None:
        """Return a device's kernels; None, with a line in the log, where none can be kept."""
        name = f"{devices.describe_device(device)}-torch-{torch.__version__}-hotshot-{VERSION}"
        directory = (root or _root()) / re.sub(r"[^A-Za-z0-9._+-]+", "-", name).lower()
        try:
            (directory / _SHAPES).mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            logger.warning("Compiled kernels can't be kept in %s (%s).", directory, error.strerror)
            return None
        return cls(directory)

    @property
    def functions(self) -> Functions:
        """Return the blocks' functions, each compiled for a shape when it first sees it."""
        if self._functions is None:
            self._keep_here()
            _allow_many_versions()
            compiled = {one.name: _compiled(one.name) for one in fields(Functions)}
            self._functions = Functions(**compiled)
        return self._functions

    def has(self, shape: str) -> bool:
        """Return whether a whole step of a shape was compiled before, in any process."""
        return shape in self._noted or (self.directory / _SHAPES / shape).exists()

    def note(self, shape: str) -> None:
        """Remember that a whole step of a shape is compiled."""
        if shape not in self._noted:
            self._noted.add(shape)
            self.directory.joinpath(_SHAPES, shape).touch()

    def throw_away(self) -> None:
        """Delete all kernels, so that the next process makes them anew."""
        shutil.rmtree(self.directory, ignore_errors=True)

    def _keep_here(self) -> None:
        """Have inductor and triton write to the directory, and look for kernels there."""
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(self.directory)
        os.environ["TRITON_CACHE_DIR"] = str(self.directory / "triton")


def _compiled(name: str) -> Any:
    return torch.compile(getattr(layers, name), fullgraph=True, dynamic=False)


def _allow_many_versions() -> None:
    import torch._dynamo.config as dynamo  # seconds, which only who compiles waits for

    dynamo.recompile_limit = max(dynamo.recompile_limit, _VERSIONS)
    dynamo.accumulated_recompile_limit = max(dynamo.accumulated_recompile_limit, 8 * _VERSIONS)


def _root() -> Path:
    """Return the directory of kernels, below the user's cache."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "hotshot" / "kernels"
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "hotshot" / "kernels"
