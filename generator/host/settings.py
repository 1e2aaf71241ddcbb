"""What a bot's settings of a worker become on a GPU host: no path of the bot's is one here."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from generator.contract.bounds import MAX_LORA_STRENGTH
from generator.contract.declared_limits import DeclaredLimits
from generator.contract.errors import MessageError, ModelError
from generator.contract.limits import NANO, ModelLimits
from generator.contract.messages import Lora
from generator.contract.paths import existing_path, parse_hub_id
from generator.contract.remote import number_of, object_of, text_of
from generator.contract.worker_settings import NamedModel, WorkerSettings
from generator.host.place import HostPlace

logger = logging.getLogger(__name__)

_NAMES = ("model", "spatial_unet_base", "prediction_type", "depth_model", "precision", "name")
_MODELS = ("model", "spatial_unet_base", "depth_model")
_MOST = 100  # models, LoRAs
_FLAGS = ("unet_only",)
SENT = (*_NAMES, *_FLAGS, "low_vram", "loras", "limits", "models")
"""What of a worker's settings a bot says; the rest is the host's own."""


def settings_of(values: dict[str, Any], device: str, place: HostPlace) -> WorkerSettings:
    """Return the settings of a worker here. Raises ModelError, MessageError."""
    said: dict[str, Any] = {name: text_of(values, name) for name in _NAMES if name in values}
    said |= {name: values.get(name) is True for name in _FLAGS}
    said["low_vram"] = values.get("low_vram") in (True, "auto") and values["low_vram"]
    for name in _MODELS:
        if said.get(name):
            said[name] = _model_here(said[name], place.models)
    return WorkerSettings(
        **said,
        loras=_loras(values, place.models),
        limits=_limits(values),
        models=tuple(_others(values, place.models)),
        device=device,
        engine=place.engine,
        files=str(place.cache.files),
        outputs=str(place.outputs),
        log_level=place.log_level,
        log_format=place.log_format,
    )


def _others(values: dict[str, Any], here: Mapping[str, str]) -> Iterator[NamedModel]:
    """Yield the models that a worker here could be started with."""
    for each in _listed(values, "models"):
        try:
            yield NamedModel(
                name=text_of(each, "name"),
                model=_model_here(text_of(each, "model"), here),
                limits=_limits(each),
                memory_bytes=int(number_of(each, "memory_bytes")) if "memory_bytes" in each else 0,
            )
        except ModelError as error:
            logger.info("the bot's model %s isn't used here: %s", text_of(each, "name"), error)


def _loras(values: dict[str, Any], here: Mapping[str, str]) -> tuple[Lora, ...]:
    return tuple(
        Lora(_model_here(text_of(each, "path"), here), _strength(each))
        for each in _listed(values, "loras")
    )


def _strength(values: dict[str, Any]) -> float:
    strength: Any = values.get("strength")
    if (
        type(strength) not in (int, float)
        or not -MAX_LORA_STRENGTH <= strength <= MAX_LORA_STRENGTH
    ):
        raise MessageError("A message can't be read ({reason}).", reason="strength: no number")
    return float(strength)


def _limits(values: dict[str, Any]) -> dict[str, Any]:
    """Return what the bot's config says of a model's limits. Raises ModelError."""
    known = {each.name for each in fields(DeclaredLimits)}
    said = object_of(values, "limits") if "limits" in values else {}
    limits = {name: value for name, value in said.items() if name in known}
    ModelLimits.believed(replace(DeclaredLimits(), **limits))
    return limits


def _listed(values: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = values.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise MessageError("A message can't be read ({reason}).", reason=f"{name}: no list")
    return found[:_MOST]


def _model_here(name: str, models: Mapping[str, str]) -> str:
    """Return what a model of the bot's is here: a directory only where somebody here named it."""
    if name in models:
        return models[name]
    is_hub_id = parse_hub_id(name) is not None and ".." not in name
    if name == NANO or (is_hub_id and existing_path(name) is None):
        return name
    raise ModelError(
        "The bot's model {name} is a file or directory of its own machine; start the GPU host with "
        "--model and where that model is there.",
        name=name.rstrip("/").rpartition("/")[2],
    )
