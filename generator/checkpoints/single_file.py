"""Where the networks are in a single file as Civitai gives it, and what their tensors are called.

The UNet's names are ours to translate; the text encoders' and the VAE's are left to diffusers,
which is imported where it is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from torch import Tensor

from generator.checkpoints.component import TEXT_ENCODER, TEXT_ENCODER_2, VAE
from generator.checkpoints.inspect.kinds import COMPONENT_PREFIXES, LDM_UNET
from generator.checkpoints.inspect.ldm_names import ldm_names
from generator.checkpoints.inspect.schedule_facts import MARKS
from generator.checkpoints.inspect.temporal_names import is_temporal
from generator.contract.errors import ModelError

Tensors = Mapping[str, Tensor]
Conversion = Callable[[Tensors, Mapping[str, Any], Path], dict[str, Tensor]]


def unet_names(
    names: Iterable[str], wanted: Iterable[str], layers_per_block: int
) -> dict[str, str]:
    """Return a file's names of a UNet's spatial tensors -> ours, which are ``wanted``.

    What belongs to the UNet and has no name of ours keeps its own, so that it is left over.
    """
    names = list(names)
    inside = [name for name in names if name.startswith(LDM_UNET)]
    if not inside:  # the UNet alone
        inside = [name for name in names if not is_temporal(name) and name not in MARKS]
    ours = {theirs: name for name, theirs in ldm_names(wanted, layers_per_block).items()}
    short = {name: name.removeprefix(LDM_UNET) for name in inside}
    return {name: ours.get(other, other) for name, other in short.items()}


def _vae(tensors: Tensors, config: Mapping[str, Any], file: Path) -> dict[str, Tensor]:
    from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint

    try:
        converted: dict[str, Tensor] = convert_ldm_vae_checkpoint(dict(tensors), config)
    except LookupError as error:  # a tensor is missing, or has too few dimensions
        raise _unfit(file, "VAE") from error
    return converted


def _first_encoder(tensors: Tensors, _: Mapping[str, Any], __: Path) -> dict[str, Tensor]:
    prefix = COMPONENT_PREFIXES[TEXT_ENCODER]
    return {name.removeprefix(prefix): value for name, value in tensors.items()}


def _second_encoder(tensors: Tensors, config: Mapping[str, Any], file: Path) -> dict[str, Tensor]:
    from diffusers.loaders.single_file_utils import convert_open_clip_checkpoint

    described = SimpleNamespace(config=SimpleNamespace(**config))
    try:
        converted: dict[str, Tensor] = convert_open_clip_checkpoint(
            described, dict(tensors), prefix=COMPONENT_PREFIXES[TEXT_ENCODER_2]
        )
    except LookupError as error:  # a tensor is missing, or has too few dimensions
        raise _unfit(file, "second text encoder") from error
    return converted


def _unfit(file: Path, what: str) -> ModelError:
    return ModelError(
        f"The {what} in {file.name} is not that of a Stable Diffusion XL; "
        "take the file's UNet alone, or give another base."
    )


CONVERSIONS: dict[str, Conversion] = {
    VAE: _vae,
    TEXT_ENCODER: _first_encoder,
    TEXT_ENCODER_2: _second_encoder,
}
