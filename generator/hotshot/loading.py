"""Loads a whole Hotshot-XL model: nano, a directory in the published layout, or a hub id.

Every component is built on the meta device and then handed its tensors, so nothing is drawn at
random first and nothing is held twice. What comes back computes; nothing here does.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from generator.errors import ModelError
from generator.hotshot import layout, weights
from generator.hotshot.controlnet import ControlNets
from generator.hotshot.lora import LoraWardrobe, Networks
from generator.hotshot.parts import (
    build,
    load_scheduler_config,
    load_text_encoders,
    load_vae,
)
from generator.hotshot.sources import model_directory, unet_directory
from generator.hotshot.text import TextEncoders
from generator.hotshot.unet import HotshotUNet

logger = logging.getLogger(__name__)

_PLAIN_UNET = "UNet2DConditionModel"


@dataclass(frozen=True, slots=True, kw_only=True)
class HotshotModel:
    """All parts of a model on one device; ``dtype`` is the UNet's and the text encoders'.

    ``vae`` is an AutoencoderKL or an AutoencoderTiny, in a precision that it doesn't overflow in.
    ``loras`` changes the UNet and the text encoders to what a request asks for; ``controlnets``
    has those that a request names.
    """

    name: str
    unet: HotshotUNet
    vae: Any
    text: TextEncoders
    loras: LoraWardrobe
    controlnets: ControlNets
    scheduler_config: Mapping[str, Any]
    device: torch.device
    dtype: torch.dtype


def load_model(
    model: str,
    *,
    spatial_unet_base: str | None = None,
    device: torch.device,
    dtype: torch.dtype,
) -> HotshotModel:
    """Loads ``model``, with the spatial layers of another SDXL UNet where one is named.

    Both are 'nano', a directory or a hub id; a base may be the directory of its UNet alone.
    Raises ModelError, one sentence, for whatever can't be found, read or used.
    """
    directory = model_directory(model)
    base = unet_directory(spatial_unet_base) if spatial_unet_base else None
    logger.info("Loading %s from %s.", model, directory)
    # The UNet comes last: whatever else is wrong is said before the longest wait.
    scheduler_config = load_scheduler_config(directory / "scheduler")
    vae = load_vae(directory / "vae", device=device, dtype=dtype)
    text = load_text_encoders(directory, device=device, dtype=dtype)
    unet = load_unet(directory / "unet", spatial_base=base, device=device, dtype=dtype)
    return HotshotModel(
        name=model,
        unet=unet,
        vae=vae,
        text=text,
        loras=LoraWardrobe(Networks.of(unet, *text.encoders, layers=unet.config.layers_per_block)),
        controlnets=ControlNets(
            unet.published_config, directory, dtype, place=lambda network: network.to(device)
        ),
        scheduler_config=scheduler_config,
        device=device,
        dtype=dtype,
    )


def load_unet(
    directory: Path,
    *,
    spatial_base: Path | None = None,
    device: torch.device,
    dtype: torch.dtype,
) -> HotshotUNet:
    """The UNet in ``directory``; its spatial tensors from ``spatial_base`` where that is given."""
    config = weights.read_config(directory / "config.json")
    _check_is_hotshot(config, directory)
    unet: HotshotUNet = build(directory, lambda: HotshotUNet(config))
    files = weights.find_weights(directory, weights.DIFFUSERS_STEM)
    if spatial_base is None:
        tensors = weights.read_weights(files)
    else:
        tensors = weights.read_weights(files, keep=layout.is_temporal)
        tensors |= _spatial_weights(spatial_base, unet)
    # Under the published names first: the two positional tables of a block become one of ours.
    weights.check_fit(unet.published_state_dict(), tensors, directory)
    weights.assign(
        unet, layout.from_published(tensors), source=directory, device=device, dtype=dtype
    )
    unet.eval().requires_grad_(requires_grad=False)
    return unet


def _check_is_hotshot(config: Mapping[str, Any], directory: Path) -> None:
    found = config.get("_class_name")
    if found == layout.CLASS_NAME:
        return
    if found != _PLAIN_UNET:
        what = f"a {found}" if found else "of no named class"
    elif config.get("addition_embed_type") == "text_time":
        what = "that of a plain Stable Diffusion XL, which has no temporal layers"
    else:
        what = "that of an older Stable Diffusion, which is no SDXL and has no temporal layers"
    raise ModelError(
        f"The UNet in {directory} is {what}; give a Hotshot-XL as the model "
        "(a plain SDXL can be its spatial UNet base)."
    )


def _spatial_weights(base: Path, unet: HotshotUNet) -> dict[str, torch.Tensor]:
    """The spatial tensors of another UNet: SDXL's names are those of the published layout."""
    config = weights.read_config(base / "config.json")
    if config.get("_class_name") not in (_PLAIN_UNET, layout.CLASS_NAME):
        raise ModelError(
            f"The spatial UNet base in {base} is a {config.get('_class_name')}; "
            "give a Stable Diffusion XL."
        )
    files = weights.find_weights(base, weights.DIFFUSERS_STEM)
    tensors = weights.read_weights(files, keep=lambda name: not layout.is_temporal(name))
    wanted = {
        name: value for name, value in unet.state_dict().items() if not layout.is_temporal(name)
    }
    weights.check_fit(wanted, tensors, base)
    return tensors
