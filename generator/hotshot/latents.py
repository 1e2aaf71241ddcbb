"""Latents as the UNet takes them, and as the VAE does: each VAE's config says how they differ."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

LATENT_SCALE = 8  # pixels to a latent, along each edge


def unscaled(latents: Tensor, config: Mapping[str, Any]) -> Tensor:
    """Undoes the scaling that a VAE's config says its latents (b, c, f, h, w) were trained with."""
    scale = float(config["scaling_factor"])
    means, spreads = config.get("latents_mean"), config.get("latents_std")
    if means and spreads:
        mean = torch.tensor(means, device=latents.device).view(1, -1, 1, 1, 1)
        spread = torch.tensor(spreads, device=latents.device).view(1, -1, 1, 1, 1)
        return latents * spread / scale + mean
    return latents / scale + float(config.get("shift_factor") or 0)
