"""Which networks beside the UNet are in a single file as Civitai gives it. Knows names alone."""

from __future__ import annotations

from collections.abc import Iterable

# By the names of their folders in a model directory.
PREFIXES = {
    "vae": "first_stage_model.",
    "text_encoder": "conditioner.embedders.0.transformer.",
    "text_encoder_2": "conditioner.embedders.1.model.",
}


def parts_in(names: Iterable[str]) -> frozenset[str]:
    """Their folders' names."""
    starts = tuple(PREFIXES.items())
    return frozenset(part for name in names for part, prefix in starts if name.startswith(prefix))
