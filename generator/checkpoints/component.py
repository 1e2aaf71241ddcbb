"""One network on disk: its config, and its tensors under the names that its class gives them.

So that a text encoder or a VAE loads the same from a directory and from within a checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from torch import Tensor

from generator.checkpoints import weights
from generator.checkpoints.file_selection import DIFFUSERS_STEM, TRANSFORMERS_STEM

UNET, VAE, TEXT_ENCODER, TEXT_ENCODER_2 = "unet", "vae", "text_encoder", "text_encoder_2"
STEMS = {
    VAE: DIFFUSERS_STEM,
    TEXT_ENCODER: TRANSFORMERS_STEM,
    TEXT_ENCODER_2: TRANSFORMERS_STEM,
}


@dataclass(frozen=True, slots=True)
class Component:
    """One network of a model on disk: its config, and how to read its tensors.

    ``described_in`` and ``source`` are where config and tensors lie, for what is said of them.

    ``read`` raises ModelError.
    """

    described_in: Path
    config: Mapping[str, Any]
    source: Path
    read: Callable[[], dict[str, Tensor]]

    @classmethod
    def in_directory(cls, directory: Path, name: str) -> Self:
        """Return the network in ``directory/name``, in diffusers' layout.

        Raises ModelError without a config.
        """
        own = directory / name
        config = weights.read_config(own / "config.json")
        return cls(own, config, own, lambda: read_directory(own, STEMS[name]))


def read_directory(directory: Path, stem: str) -> dict[str, Tensor]:
    """Return all tensors of one network's directory. Raises ModelError."""
    return weights.read_weights(weights.find_weights(directory, stem))
