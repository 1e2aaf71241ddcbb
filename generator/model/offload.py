"""Low memory: networks wait on the CPU and are on the device only while they compute.

diffusers' model offload (by accelerate's hooks), for a pipeline that isn't diffusers': a network
comes by itself when it is called, and all go back between two phases of a request. The UNet, which
is called at each step, comes block by block (``block_stream``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from generator.model.block_stream import BlockStream
from generator.model.plain_diffusers import (
    BasicTransformerBlock,
    Downsample2D,
    ResnetBlock2D,
    Upsample2D,
)
from generator.model.unet import TemporalTransformer

CPU = torch.device("cpu")
_BLOCKS = (ResnetBlock2D, BasicTransformerBlock, TemporalTransformer, Downsample2D, Upsample2D)


@dataclass(frozen=True, slots=True)
class Offloader:
    """Keeps the networks of a model on ``device`` always, or only while they compute.

    With ``splits_texts`` the UNet is asked about each text alone, however small the clip.
    """

    device: torch.device
    low_vram: bool = False
    splits_texts: bool = False
    _streams: dict[nn.Module, BlockStream] = field(default_factory=dict)

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
            from accelerate import cpu_offload_with_hook  # and only here are its hooks needed

            cpu_offload_with_hook(network, self.device)

    def place_in_blocks(self, network: nn.Module) -> None:
        """Put a loaded network where it belongs, of which one block at a time is to be there."""
        network.to(self.initial_device)
        if self.is_enabled:
            self._streams[network] = BlockStream.of(network, list(blocks_of(network)), self.device)

    def place_whole(self, network: nn.Module) -> bool:
        """Have a network come as a whole whose weights are to be replaced.

        Return whether it came in blocks.
        """
        if not self.remove(network):
            return False
        self.place(network)
        return True

    def remove(self, network: nn.Module) -> bool:
        """Leave a network on the CPU that came in blocks; return whether it did."""
        stream = self._streams.pop(network, None)
        if stream is not None:
            stream.remove()
        return stream is not None

    def offload(self, networks: Iterable[nn.Module]) -> None:
        """Move these networks off the device, where they don't stay on it."""
        if not self.is_enabled:
            return
        from accelerate.utils.memory import clear_device_cache

        for network in networks:
            if network in self._streams:
                self._streams[network].rest()
            else:
                network.to(CPU)
        clear_device_cache()


def blocks_of(network: nn.Module) -> Iterator[nn.Module]:
    """Yield a network's blocks, none of which is part of another."""
    for child in network.children():
        if isinstance(child, _BLOCKS):
            yield child
        else:
            yield from blocks_of(child)


def enable_vae_slicing_and_tiling(vae: Any) -> None:
    """Let a VAE decode picture by picture and, where one is large, tile by tile."""
    vae.enable_slicing()
    vae.enable_tiling()
