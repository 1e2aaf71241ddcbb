"""The LoRAs of ``hotshot gif``, looked at before anything is loaded. Free of torch."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from generator.errors import ModelError
from generator.places import existing
from generator.protocol import Lora
from generator.weightfiles.architecture import layers_of
from generator.weightfiles.lora_base import check_fits_model
from generator.weightfiles.lora_file import in_directory, read_lora


def check_loras(loras: Iterable[Lora], model: str) -> None:
    """Raises ModelError, one sentence, for a file on this machine that ``model`` can't use."""
    here = [path for lora in loras if lora.strength and (path := existing(lora.path)) is not None]
    if not here:
        return
    layers = None
    with contextlib.suppress(ModelError):  # of the model itself, which its own loader words better
        layers = layers_of(model)
    for path in here:
        lora = read_lora(in_directory(path) if path.is_dir() else path)
        if layers is not None:
            check_fits_model(lora, layers)
