"""Latents as the UNet takes them, and as the VAE does: each VAE's config says how they differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

LATENT_SCALE = 8  # pixels to a latent, along each edge


def without_autocast(device: torch.device) -> torch.autocast:
    """Compute what is inside in its weights' precision, whatever autocast is around it.

    SDXL's VAE overflows in float16, and its numbers are kept from one run to another.
    """
    return torch.autocast(device.type, enabled=False)


def scale_latents(latents: Tensor, config: Mapping[str, Any]) -> Tensor:
    """Scale a VAE's latents (b, c, ...) as its config says that the UNet takes them."""
    scale = float(config["scaling_factor"])
    means, spreads = config.get("latents_mean"), config.get("latents_std")
    if means and spreads:
        return (latents - _by_channel(means, latents)) * scale / _by_channel(spreads, latents)
    return (latents - float(config.get("shift_factor") or 0)) * scale


def unscale_latents(latents: Tensor, config: Mapping[str, Any]) -> Tensor:
    """Undo ``scale_latents``."""
    scale = float(config["scaling_factor"])
    means, spreads = config.get("latents_mean"), config.get("latents_std")
    if means and spreads:
        return latents * _by_channel(spreads, latents) / scale + _by_channel(means, latents)
    return latents / scale + float(config.get("shift_factor") or 0)


def _by_channel(values: Sequence[float], latents: Tensor) -> Tensor:
    return torch.tensor(values, device=latents.device).view(1, -1, *[1] * (latents.ndim - 2))
