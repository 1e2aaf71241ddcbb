"""What training on top of the finished nano needs: the model, and captions as it reads them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from generator.model.loading import HotshotModel, load_model
from tools.nano import clips

SEED = 0
CAPTIONS = 8_000


def load_finished(directory: Path, device: torch.device) -> HotshotModel:
    """Load the model in float32; its own weights learn nothing more."""
    model = load_model(str(directory), device=device, dtype=torch.float32)
    model.unet.requires_grad_(requires_grad=False)
    return model


def encode_captions(model: HotshotModel) -> clips.CaptionPool:
    """Return a pool of captions, encoded by the model's own encoders."""

    def encode(texts: list[str]) -> tuple[Tensor, Tensor]:
        encoded = model.text.encode(texts)
        return encoded.hidden, encoded.pooled

    return clips.encode_pool(encode, CAPTIONS, SEED)
