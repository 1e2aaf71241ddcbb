"""The recipe of a request that a loaded model is making, with the hashes of every file it uses.

Imports torch, because the modules that know where models, LoRAs and ControlNets lie do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch

from generator.checkpoints.lora_tensors import resolve_lora
from generator.checkpoints.resolve import cached_weights
from generator.contract.errors import ModelError
from generator.contract.limits import local_path
from generator.contract.messages import Request
from generator.model import devices
from generator.model.controlnet_loading import resolve_controlnet
from generator.recipes.recipe import ModelSettings, Recipe, sha256_of
from generator.sources.source_files import SourceFiles


def write_recipe(
    request: Request,
    setup: ModelSettings,
    *,
    model_directory: Path,
    model_hashes: Mapping[str, str],
    sources: SourceFiles,
    device: torch.device,
) -> Recipe:
    """Return the recipe of a request.

    ``sources`` are the files that it names, where they are files. ``model_directory`` is where the
    loaded model lies, ``model_hashes`` are its weights', ``device`` is where it computes. Raises
    ModelError where a LoRA or a ControlNet can't be found.
    """
    files = dict(_files(request, model_directory))
    given = {request.control_source: sources.control, request.image: sources.image}
    files |= {name: path for name, path in given.items() if name and path.is_file()}
    hashes = {name: sha256_of(path) for name, path in files.items()}
    return Recipe(
        request=request,
        setup=setup,
        sha256={**model_hashes, **hashes},
        environment=environment_of(device),
    )


def environment_of(device: torch.device) -> dict[str, str]:
    """Return what, beside the request and the setup, decides how sums are rounded."""
    return {"device": devices.describe_device(device), **_libraries()}


@cache  # the card would wait for the packages' metadata to be read, after each clip
def _libraries() -> dict[str, str]:
    return {name: version(name) for name in ("torch", "diffusers", "transformers")}


def model_hashes(setup: ModelSettings) -> dict[str, str]:
    """Return the hashes of a model's weights and its base's, by the names in the setup."""
    named = {name: _weights(name) for name in (setup.model, setup.spatial_unet_base) if name}
    return {name: sha256_of(path) for name, path in named.items() if path is not None}


def _files(request: Request, model_directory: Path) -> Iterator[tuple[str, Path]]:
    """Yield files and directories by the names that the recipe gives them."""
    for lora in request.loras:
        yield lora.path, resolve_lora(lora.path)
    for control in request.controls:
        yield control.kind, resolve_controlnet(control.kind, model_directory)


def _weights(name: str) -> Path | None:
    """Return where a model's weights are, without asking the hub; None where that isn't known."""
    try:
        return local_path(name) or cached_weights(name)
    except ModelError:
        return None
