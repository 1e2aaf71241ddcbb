"""Loads a whole Hotshot-XL model: a directory, a hub id, or temporal layers and an SDXL.

Every component is built on the meta device and then handed its tensors, so nothing is drawn at
random first and nothing is held twice. What comes back computes; nothing here does.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import nn

from generator.checkpoints import unet_conversion, weights
from generator.checkpoints.component import (
    STEMS,
    TEXT_ENCODER,
    TEXT_ENCODER_2,
    UNET,
    VAE,
    Component,
)
from generator.checkpoints.file_selection import DIFFUSERS_STEM
from generator.checkpoints.inspect.base_check import PLAIN_UNET
from generator.checkpoints.inspect.header import read_header
from generator.checkpoints.inspect.kinds import Kind, kind_of
from generator.checkpoints.inspect.temporal_names import is_temporal
from generator.checkpoints.resolve import (
    fetch_sdxl_descriptions,
    resolve_model_directory,
    resolve_temporal_file,
)
from generator.contract.errors import ModelError
from generator.contract.paths import without_directory
from generator.contract.text import Text
from generator.contract.worker_settings import COMPILE_ALWAYS, COMPILE_NEVER
from generator.model.component_loading import (
    build,
    check_schedule,
    load_scheduler_config,
    load_text_encoders,
    load_vae,
)
from generator.model.controlnet import ControlNets
from generator.model.fp8 import store_in_fp8
from generator.model.fp8_products import bytes_of, multiplies_in_fp8, multiply_in_fp8
from generator.model.fused.compilation import Kernels
from generator.model.fused.graphs import StepGraphs
from generator.model.fused.runner import UNetRunner
from generator.model.lora_manager import LoraManager, LoraTargets
from generator.model.memory import AUTO, LowVram, is_low
from generator.model.noise_schedule import resolve_schedule
from generator.model.offload import CPU, Offloader, enable_vae_slicing_and_tiling
from generator.model.spatial_base import SpatialBase, open_base
from generator.model.text_encoding import TextEncoders
from generator.model.unet import HotshotUNet

logger = logging.getLogger(__name__)

_COMPONENT_NAMES = {
    UNET: "spatial layers",
    TEXT_ENCODER: "first text encoder",
    TEXT_ENCODER_2: "second text encoder",
    VAE: "VAE",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HotshotModel:
    """All parts of a model on one device; ``dtype`` is the UNet's and the text encoders'.

    ``runner`` is how the UNet is asked. ``vae`` is an AutoencoderKL or an AutoencoderTiny, in a
    precision that it doesn't overflow in.
    ``origins`` says where the UNet's spatial layers (``unet``) and each other part came from.
    ``loras`` changes the UNet and the text encoders to what a request asks for; ``controlnets``
    has those that a request names.
    """

    name: str
    unet: HotshotUNet
    runner: UNetRunner
    vae: Any
    text: TextEncoders
    loras: LoraManager
    controlnets: ControlNets
    scheduler_config: Mapping[str, Any]
    offloader: Offloader
    dtype: torch.dtype
    origins: Mapping[str, str]

    @property
    def networks(self) -> dict[str, nn.Module]:
        """Return the networks by the names of their folders in a model directory."""
        first, second = self.text.encoders
        return {UNET: self.unet, VAE: self.vae, TEXT_ENCODER: first, TEXT_ENCODER_2: second}

    @property
    def all_networks(self) -> list[nn.Module]:
        """Return all networks, the loaded ControlNets among them."""
        return [*self.networks.values(), *chain.from_iterable(self.controlnets.by_kind.values())]

    @property
    def device(self) -> torch.device:
        """Return the device that computes."""
        return self.offloader.device

    def offload(self) -> None:
        """Clear the device between two phases of a request, where memory is low."""
        self.offloader.offload((*self.networks.values(), *self.controlnets.networks))


def load_model(
    model: str,
    *,
    spatial_unet_base: str | None = None,
    unet_only: bool = False,
    prediction_type: str = "",
    device: torch.device,
    dtype: torch.dtype,
    low_vram: LowVram = False,
    compile_mode: str = COMPILE_NEVER,
    fp8: bool = False,
) -> HotshotModel:
    """Load ``model``, with the spatial layers of another SDXL where one is named.

    ``model`` is 'nano', a directory, a hub id, or, beside a base, a file of temporal layers. The
    base is a directory, its ``unet`` alone, a hub id or a single file; its text encoders and VAE
    come along, unless ``unet_only``, and so does its schedule. ``prediction_type`` is for files
    that don't say what they predict. With ``low_vram`` the networks are on the device only while
    they compute, the UNet block by block, and pictures are decoded one by one; AUTO is so where the
    device has too little memory. ``compile_mode`` is ``UNetRunner``'s. With
    ``fp8`` the UNet's weights are stored in 8 bits, and its products are computed so where the
    device and the memory let them.
    Raises ModelError, one sentence, for whatever can't be found, read or used.
    """
    staging = CPU if low_vram == AUTO else Offloader(device, low_vram).initial_device
    base = open_base(spatial_unet_base, unet_only=unet_only) if spatial_unet_base else None
    files = _find_files(model, base)
    logger.info("Loading %s from %s.", model, files.directory)
    # The UNet comes last: whatever else is wrong is said before the longest wait.
    scheduler = files.directory / "scheduler"
    own = load_scheduler_config(scheduler)
    scheduler_config = resolve_schedule(own, base, prediction_type, without_directory(model))
    check_schedule(scheduler_config, scheduler / "scheduler_config.json")
    logger.info("%s", files.summary())
    vae = load_vae(files.component(VAE), device=staging, dtype=dtype)
    text = load_text_encoders(
        (files.component(TEXT_ENCODER), files.component(TEXT_ENCODER_2)),
        files.directory,
        device=staging,
        dtype=dtype,
    )
    unet = _build_unet(files)
    weights_bytes = sum(map(_bytes_of, (vae, *text.encoders)))
    multiplies = fp8 and multiplies_in_fp8(device)
    weights_bytes += _unet_bytes(unet, dtype, fp8=fp8, multiplies=multiplies)
    offloader = Offloader(device, is_low(low_vram, device, weights_bytes))
    # where memory may be short, the wide weights never come to the device
    _fill_unet(unet, files, device=CPU if fp8 else offloader.initial_device, dtype=dtype)
    _check_compatible(unet, text, vae, files)
    if multiplies and not offloader.is_enabled:
        multiply_in_fp8(unet, device, dtype)
    elif fp8:
        store_in_fp8(unet, dtype, widens=not offloader.is_enabled)
        compile_mode = COMPILE_NEVER
    for network in (*text.encoders, vae):
        offloader.place(network)
    offloader.place_in_blocks(unet)
    if offloader.low_vram:
        enable_vae_slicing_and_tiling(vae)
    return HotshotModel(
        name=model,
        unet=unet,
        runner=_runner(unet, offloader, dtype, compile_mode),
        vae=vae,
        text=text,
        loras=LoraManager(
            LoraTargets.of(unet, *text.encoders, layers=unet.config.layers_per_block)
        ),
        controlnets=ControlNets(
            unet.published_config,
            files.directory,
            offloader,
            dtype,
        ),
        scheduler_config=scheduler_config,
        offloader=offloader,
        dtype=dtype,
        origins={part: files.origin(part) for part in (UNET, *STEMS)},
    )


def _runner(
    unet: HotshotUNet, offloader: Offloader, dtype: torch.dtype, compile_mode: str
) -> UNetRunner:
    """Return how a UNet is asked; whose weights come and go is asked as it is written."""
    device = offloader.device
    if compile_mode == COMPILE_NEVER or offloader.is_enabled:
        return UNetRunner(unet, dtype)
    if device.type == "cuda":
        kernels = Kernels.of(device) if dtype != torch.float32 else None
        return UNetRunner(unet, dtype, compile_mode, kernels, StepGraphs())
    if device.type == "cpu" and compile_mode == COMPILE_ALWAYS:
        return UNetRunner(unet, dtype, compile_mode, Kernels.of(device))
    return UNetRunner(unet, dtype)


@dataclass(frozen=True, slots=True)
class _ModelFiles:
    """What a model is put together from.

    ``model`` is what was asked for; ``directory`` has configs, tokenizers and the schedule;
    ``temporal`` is the file of temporal layers, or None where the directory has a whole UNet.
    """

    model: str
    directory: Path
    temporal: Path | None
    base: SpatialBase | None

    def component(self, name: str) -> Component:
        """Return a component of the base's, or else the model's own."""
        found = self.base.component(name, self.directory) if self.base else None
        return found or Component.in_directory(self.directory, name)

    def origin(self, part: str) -> str:
        """Return which of the two a network comes from; of the UNet, its spatial layers."""
        if self.base is not None and (part == UNET or part in self.base.components):
            return self.base.name
        return without_directory(self.model)

    def summary(self) -> str:
        """Return in a line which part comes from where, for the log."""
        by_origin: dict[str, list[str]] = {without_directory(self.model): ["temporal layers"]}
        for part, what in _COMPONENT_NAMES.items():
            by_origin.setdefault(self.origin(part), []).append(what)
        return " ".join(
            f"From {origin}: {', '.join(parts)}." for origin, parts in by_origin.items() if parts
        )

    def unet_config(self) -> Mapping[str, Any]:
        """Return the UNet's config, checked to be a Hotshot-XL's, or made one."""
        own = self.directory / "unet"
        given = self.base.unet_config if self.temporal and self.base else None
        config = given or weights.read_config(own / "config.json")
        if self.temporal is not None and config.get("_class_name") == PLAIN_UNET:
            return unet_conversion.from_spatial(config)
        _check_is_hotshot(config, own)
        return config

    def temporal_tensors(self) -> unet_conversion.Tensors:
        """Return the temporal tensors, or all without a base, under the published names."""
        if self.temporal is not None:
            return _read_temporal_file(self.temporal)
        found = weights.find_weights(self.directory / "unet", DIFFUSERS_STEM)
        if self.base is None:
            return weights.read_weights(found)
        return weights.read_weights(found, keep=is_temporal)


def _find_files(model: str, base: SpatialBase | None) -> _ModelFiles:
    temporal = resolve_temporal_file(model, with_base=base is not None and base.is_whole)
    if temporal is None:
        return _ModelFiles(model, resolve_model_directory(model), None, base)
    _check_is_temporal(temporal)
    if base is None or not base.is_whole:
        raise ModelError(
            "{name} has only the temporal layers; give a whole Stable Diffusion XL, with text "
            "encoders and VAE, as the spatial UNet base.",
            name=temporal.name,
        )
    return _ModelFiles(model, base.directory or fetch_sdxl_descriptions(), temporal, base)


def _bytes_of(network: nn.Module) -> int:
    return sum(one.numel() * one.element_size() for one in network.parameters())


def _unet_bytes(unet: HotshotUNet, dtype: torch.dtype, *, fp8: bool, multiplies: bool) -> int:
    if multiplies:
        return bytes_of(unet, dtype)
    return sum(int(one.numel()) for one in unet.parameters()) * (1 if fp8 else dtype.itemsize)


def _build_unet(files: _ModelFiles) -> HotshotUNet:
    """Return the UNet without weights, on the meta device."""
    config = files.unet_config()
    unet: HotshotUNet = build(files.directory / "unet", lambda: HotshotUNet(config))
    return unet


def _fill_unet(
    unet: HotshotUNet, files: _ModelFiles, *, device: torch.device, dtype: torch.dtype
) -> None:
    own = files.directory / "unet"
    tensors = files.temporal_tensors()
    if files.base is not None:
        tensors |= files.base.spatial_tensors(unet)
    source = files.temporal or own
    # Under the published names first: the two positional tables of a block become one of ours.
    weights.check_fit(unet.published_state_dict(), tensors, source)
    weights.assign(
        unet, unet_conversion.from_published(tensors), source=source, device=device, dtype=dtype
    )
    unet.eval().requires_grad_(requires_grad=False)


def _check_compatible(unet: HotshotUNet, text: TextEncoders, vae: Any, files: _ModelFiles) -> None:
    """Raise ModelError where components that each load are of different models."""
    first, second = (encoder.config for encoder in text.encoders)
    sizes = 6 * unet.config.addition_time_embed_dim  # of the six numbers about sizes
    for what, given, wanted in (
        (Text("The text encoders' width"), first.hidden_size + second.hidden_size,
         unet.config.cross_attention_dim),
        (Text("The pooled text's width"), second.projection_dim,
         unet.config.projection_class_embeddings_input_dim - sizes),
        (Text("The number of the VAE's channels"), vae.config.latent_channels,
         unet.config.in_channels),
    ):  # fmt: skip
        if given != wanted:
            parts: Path | Text = files.directory
            if files.base:
                parts = Text("{model} and its spatial base", model=files.directory)
            raise ModelError(
                "{what} is {given} where the UNet wants {wanted}; the parts of {parts} belong to "
                "different models.",
                what=what,
                given=given,
                wanted=wanted,
                parts=parts,
            )


def _read_temporal_file(path: Path) -> unet_conversion.Tensors:
    """Return a file's tensors under the published names, whichever of the two namings it has."""
    tensors = weights.read_weights([path], keep=is_temporal)
    return unet_conversion.to_published(unet_conversion.from_published(tensors))


def _check_is_temporal(path: Path) -> None:
    kind = kind_of(read_header(path).shapes)
    if kind not in (Kind.TEMPORAL, Kind.HOTSHOT):
        raise ModelError(
            "{name} is {kind}, which has no temporal layers; give a Hotshot-XL as the model "
            "(a Stable Diffusion XL can be its spatial UNet base).",
            name=path.name,
            kind=kind.value,
        )


def _check_is_hotshot(config: Mapping[str, Any], directory: Path) -> None:
    found = config.get("_class_name")
    if found == unet_conversion.CLASS_NAME:
        return
    if found != PLAIN_UNET:
        what = Text("a {found}", found=found) if found else Text("of an unnamed class")
    elif config.get("addition_embed_type") == "text_time":
        what = Text("that of a plain Stable Diffusion XL, which has no temporal layers")
    else:
        what = Text(
            "that of an older Stable Diffusion, which isn't SDXL and has no temporal layers"
        )
    raise ModelError(
        "The UNet in {directory} is {what}; give a Hotshot-XL as the model (a plain SDXL "
        "can be its spatial UNet base).",
        directory=directory,
        what=what,
    )
