"""What a bot's settings of a worker become on a GPU host: no path of the bot's is one here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from generator.contract.errors import ModelError
from generator.contract.limits import NANO
from generator.contract.paths import parse_hub_id
from generator.contract.remote import text_of
from generator.contract.worker_settings import WorkerSettings
from generator.host.place import HostPlace

_NAMES = ("model", "spatial_unet_base", "prediction_type", "depth_model", "precision")
_MODELS = ("model", "spatial_unet_base", "depth_model")
_FLAGS = ("unet_only", "low_vram")
SENT = (*_NAMES, *_FLAGS)
"""What of a worker's settings a bot says; the rest is the host's own."""


def settings_of(values: dict[str, Any], device: str, place: HostPlace) -> WorkerSettings:
    """Return the settings of a worker here. Raises ModelError, MessageError."""
    said: dict[str, Any] = {name: text_of(values, name) for name in _NAMES if name in values}
    said |= {name: values.get(name) is True for name in _FLAGS}
    for name in _MODELS:
        if said.get(name):
            said[name] = _model_here(said[name], place.models)
    return WorkerSettings(
        **said,
        device=device,
        engine=place.engine,
        files=str(place.cache.files),
        outputs=str(place.outputs),
        log_level=place.log_level,
        log_format=place.log_format,
    )


def _model_here(name: str, models: Mapping[str, str]) -> str:
    """Return what a model of the bot's is here: a directory only where somebody here named it."""
    if name in models:
        return models[name]
    if name == NANO or (parse_hub_id(name) is not None and ".." not in name):
        return name
    raise ModelError(
        "The bot's model {name} is a file or directory of its own machine; start the GPU host with "
        "--model and where that model is there.",
        name=name.rstrip("/").rpartition("/")[2],
    )
