"""The task of fine-tuning: the temporal layers of a Hotshot-XL learn from clips with prompts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from generator.model.unet import HotshotUNet, TemporalTransformer
from generator.training import export
from generator.training.data.batches import Batches


class TemporalTask:
    """A ``Task`` of ``generator.training.loop``; its network is the model's own UNet."""

    def __init__(self, unet: HotshotUNet, batches: Batches, fingerprint: str) -> None:
        self.unet, self.batches, self.fingerprint = unet, batches, fingerprint

    def parameters(self) -> list[nn.Parameter]:
        return list(self.unet.temporal_parameters())

    def learning_rates(self, base_rate: float) -> list[float]:
        return [base_rate] * len(self.parameters())

    def sample_names(self, step: int) -> list[str]:
        return self.batches.sample_names(step)

    def losses(self, step: int, positions: range) -> Tensor:
        return self.batches.losses(self.unet, step, positions)

    def save(self, directory: Path) -> None:
        export.save_temporal_layers(
            self.unet, directory / export.TEMPORAL, fingerprint=self.fingerprint
        )

    def load(self, directory: Path) -> None:
        export.load_temporal_layers(self.unet, directory, fingerprint=self.fingerprint)


def checkpoint_gradients(unet: HotshotUNet) -> None:
    """Compute activations again in the backward pass instead of keeping them.

    diffusers does so for resnets and spatial transformers; the temporal ones are ours to do.
    """
    unet.enable_gradient_checkpointing()
    for module in unet.modules():
        if isinstance(module, TemporalTransformer):
            module.forward = _checkpointed(module.forward)  # type: ignore[method-assign]


def _checkpointed(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def run(frames: Tensor, num_frames: int) -> Tensor:
        if not torch.is_grad_enabled():
            return forward(frames, num_frames=num_frames)
        recomputed: Tensor = checkpoint(forward, frames, num_frames=num_frames, use_reentrant=False)
        return recomputed

    return run
