"""A spatial base: the SDXL whose pictures are set in motion, from a directory or a single file.

Gives the UNet's spatial tensors, and the text encoders and the VAE where it has them. Nothing is
read before it is asked for, and temporal tensors never are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from torch import Tensor

from generator.checkpoints import single_file, weights
from generator.checkpoints.component import STEMS, Component
from generator.checkpoints.file_selection import DIFFUSERS_STEM
from generator.checkpoints.inspect.base_check import check_is_sdxl, read_base_header, unet_folder
from generator.checkpoints.inspect.kinds import COMPONENT_PREFIXES, Shapes, components_in
from generator.checkpoints.inspect.schedule_facts import ScheduleFacts, schedule_facts
from generator.checkpoints.inspect.temporal_names import is_temporal
from generator.checkpoints.resolve import resolve_base_directory, resolve_base_file
from generator.contract.paths import without_directory
from generator.model.component_loading import load_scheduler_config
from generator.model.unet import HotshotUNet


class SpatialBase(Protocol):
    """What both kinds of base can do; each raises ModelError for what can't be read or used."""

    @property
    def name(self) -> str:
        """Return what sentences and the log call it."""

    @property
    def is_whole(self) -> bool:
        """Return whether both text encoders and the VAE come along."""

    @property
    def components(self) -> Collection[str]:
        """Return which networks beside the UNet come along, by their folders' names."""

    @property
    def scheduler_config(self) -> Mapping[str, Any] | None:
        """Return how its UNet was trained, where a directory says it. Raises ModelError."""

    @property
    def schedule_facts(self) -> ScheduleFacts:
        """Return how its UNet was trained, where a single file says it."""

    @property
    def directory(self) -> Path | None:
        """Return where its tokenizers and its schedule are, where it has any."""

    @property
    def unet_config(self) -> Mapping[str, Any] | None:
        """Return the UNet's config, where it comes with one."""

    def spatial_tensors(self, unet: HotshotUNet) -> dict[str, Tensor]:
        """Return just the tensors that the network wants, under our names."""

    def component(self, name: str, configs: Path) -> Component | None:
        """Return a text encoder or the VAE, where it has it.

        ``configs`` describes what a file holds.
        """


def open_base(given: str, *, unet_only: bool) -> SpatialBase:
    """Return a directory, its ``unet``, a hub id, or one .safetensors file (here or on the hub).

    Raises ModelError where there is none, or what it is can't be a base.
    """
    file = resolve_base_file(given)
    if file is not None:
        return SingleFileBase.open(file, unet_only=unet_only)
    directory = resolve_base_directory(given, unet_only=unet_only)
    return DirectoryBase.at(directory, without_directory(given), unet_only=unet_only)


@dataclass(frozen=True, slots=True)
class DirectoryBase:
    """A base in diffusers' layout: ``unet`` alone, or with ``components`` beside it, folders by
    their names.

    ``directory`` is where it has all that belongs to it.
    """

    name: str
    unet: Path
    directory: Path | None
    unet_config: Mapping[str, Any]
    components: Mapping[str, Path]

    @classmethod
    def at(cls, directory: Path, name: str, *, unet_only: bool) -> Self:
        unet = unet_folder(directory)
        config = weights.read_config(unet / "config.json")
        check_is_sdxl(unet, config)
        beside = {} if unet_only or unet == directory else {n: directory / n for n in STEMS}
        components = {name: folder for name, folder in beside.items() if folder.is_dir()}
        whole = directory if len(components) == len(STEMS) else None
        return cls(name, unet, whole, config, components)

    @property
    def is_whole(self) -> bool:
        return self.directory is not None

    @property
    def scheduler_config(self) -> Mapping[str, Any] | None:
        """Return the UNet's schedule, which counts for a UNet alone as well."""
        path = self.unet.parent / "scheduler"
        if self.unet.name != "unet" or not path.is_dir():
            return None
        return load_scheduler_config(path)

    @property
    def schedule_facts(self) -> ScheduleFacts:
        return ScheduleFacts()

    def spatial_tensors(self, unet: HotshotUNet) -> dict[str, Tensor]:
        files = weights.find_weights(self.unet, DIFFUSERS_STEM)
        tensors = weights.read_weights(files, keep=lambda name: not is_temporal(name))
        weights.check_fit(spatial_state_dict(unet), tensors, self.unet)
        return tensors

    def component(self, name: str, configs: Path) -> Component | None:  # noqa: ARG002 - it has its own
        folder = self.components.get(name)
        return Component.in_directory(folder.parent, name) if folder else None


@dataclass(frozen=True, slots=True)
class SingleFileBase:
    """One file, in Stability's naming or diffusers': a UNet, and others of an SDXL's components."""

    file: Path
    shapes: Shapes
    components: frozenset[str]
    schedule_facts: ScheduleFacts

    @classmethod
    def open(cls, file: Path, *, unet_only: bool) -> Self:
        header = read_base_header(file)
        components = frozenset() if unet_only else components_in(header.shapes)
        return cls(file, header.shapes, components, schedule_facts(header))

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def is_whole(self) -> bool:
        return len(self.components) == len(STEMS)

    @property
    def scheduler_config(self) -> Mapping[str, Any] | None:
        return None

    @property
    def directory(self) -> Path | None:
        return None

    @property
    def unet_config(self) -> Mapping[str, Any] | None:
        return None

    def spatial_tensors(self, unet: HotshotUNet) -> dict[str, Tensor]:
        wanted = spatial_state_dict(unet)
        ours = single_file.unet_names(self.shapes, wanted, unet.config.layers_per_block)
        found = weights.read_weights([self.file], keep=ours.__contains__)
        tensors = {ours[name]: value for name, value in found.items()}
        weights.check_fit(wanted, tensors, self.file)
        return tensors

    def component(self, name: str, configs: Path) -> Component | None:
        if name not in self.components:
            return None
        described_in = configs / name
        config = weights.read_config(described_in / "config.json")
        prefix = COMPONENT_PREFIXES[name]

        def read() -> dict[str, Tensor]:
            found = weights.read_weights([self.file], keep=lambda one: one.startswith(prefix))
            return single_file.CONVERSIONS[name](found, config, self.file)

        return Component(described_in, config, self.file, read)


def spatial_state_dict(unet: HotshotUNet) -> dict[str, Tensor]:
    """Return a UNet's own spatial tensors, to compare with."""
    return {name: value for name, value in unet.state_dict().items() if not is_temporal(name)}
