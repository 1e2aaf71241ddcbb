"""Low memory: networks wait on the CPU and are on the device only while they compute.

diffusers' model offload (by accelerate's hooks), for a pipeline that isn't diffusers': a network
comes by itself when it is called, and all go back between two phases of a request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from accelerate import cpu_offload_with_hook
from accelerate.utils.memory import clear_device_cache
from torch import nn

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Offloader:
    """Keeps the networks of a model on ``device`` always, or only while they compute."""

    device: torch.device
    low_vram: bool = False

    @property
    def is_enabled(self) -> bool:
        """Return whether networks are moved; on a CPU there is nowhere else to be."""
        return self.low_vram and self.device.type != "cpu"

    @property
    def initial_device(self) -> torch.device:
        """Return the device that a network is loaded to."""
        return CPU if self.is_enabled else self.device

    def place(self, network: nn.Module) -> None:
        """Put a loaded network where it belongs, so that calling it is all that is needed."""
        network.to(self.initial_device)
        if self.is_enabled:
            cpu_offload_with_hook(network, self.device)

    def offload(self, networks: Iterable[nn.Module]) -> None:
        """Move these networks off the device, where they don't stay on it."""
        if not self.is_enabled:
            return
        for network in networks:
            network.to(CPU)
        clear_device_cache()


def enable_vae_slicing_and_tiling(vae: Any) -> None:
    """Let a VAE decode picture by picture and, where one is large, tile by tile."""
    vae.enable_slicing()
    vae.enable_tiling()
