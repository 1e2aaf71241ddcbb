"""ControlNets on a clip: each frame's picture tells the UNet what should be where.

Loaded ControlNets stay in memory for the next request. A clip's pictures are embedded once, before
the first step; at each step a ControlNet sees the noisy frames one by one, as it was trained, and
what several say is added up. Knows no annotators: pictures come as they are to be shown.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from generator.contract.bounds import MAX_FRAMES
from generator.contract.errors import RequestError
from generator.contract.messages import Control, Request
from generator.contract.travel import blends, strengths
from generator.contract.windows import frames_at_once
from generator.media.clip import Frames
from generator.model.conditioning import Conditioning, StepRange
from generator.model.controlnet_loading import load_controlnet, resolve_controlnet
from generator.model.offload import Offloader
from generator.model.unet import ClipAttnProcessor

CONTROLNETS_IN_MEMORY = 2  # one of SDXL's is 2.5 GB in half precision

Residuals = tuple[list[Tensor], Tensor]  # for the down blocks, and for the mid block


@dataclass(frozen=True, slots=True)
class LoadedControlNet:
    """A ControlNet whose embedding of pictures is apart, so that it runs once for a clip."""

    network: Any
    embedding: nn.Module
    flips_channels: bool

    @classmethod
    def of(cls, network: Any) -> LoadedControlNet:
        """Take a diffusers ``ControlNetModel`` apart."""
        embedding = network.controlnet_cond_embedding
        network.controlnet_cond_embedding = nn.Identity()
        flips = network.config.controlnet_conditioning_channel_order == "bgr"
        network.register_to_config(controlnet_conditioning_channel_order="rgb")
        network.set_attn_processor(ClipAttnProcessor())
        return cls(network, embedding, flips)

    def embed(self, images: Frames, at_once: int = MAX_FRAMES) -> Tensor:
        """Embed images (f, h, w, 3) uint8 as (f, c, h/8, w/8), so many together."""
        weight = next(self.embedding.parameters())
        levels = torch.from_numpy(images).permute(0, 3, 1, 2)
        parts = (part.to(weight.device) for part in torch.split(levels, at_once))
        return torch.cat([self._embedded(part.to(weight.dtype) / 255) for part in parts])

    def _embedded(self, image: Tensor) -> Tensor:
        embedded: Tensor = self.embedding(image.flip(1) if self.flips_channels else image)
        return embedded


@dataclass(frozen=True, slots=True)
class ClipControl:
    """A ControlNet with one clip's pictures: (f, c, h/8, w/8), as it embeds them.

    ``scale`` is its strength, or (f,) that of each frame.
    """

    network: Any
    embedded: Tensor
    scale: float | Tensor
    active_steps: StepRange

    def window(self, frames: Sequence[int]) -> ClipControl:
        """Return what it says of these frames alone."""
        at = list(frames)
        scale = self.scale[at] if isinstance(self.scale, Tensor) else self.scale
        return replace(self, embedded=self.embedded[at], scale=scale)

    def residuals(self, sample: Tensor, timestep: Tensor, conditioning: Conditioning) -> Residuals:
        """Return what it adds to the UNet's blocks, (b f) c h w; ``sample`` is (b, c, f, h, w)."""
        batch, _, frames = sample.shape[:3]
        down, mid = self.network(
            rearrange(sample, "b c f h w -> (b f) c h w"),
            timestep,
            encoder_hidden_states=conditioning.hidden,
            controlnet_cond=self.embedded.repeat(batch, 1, 1, 1),
            conditioning_scale=self._scale_of(batch),
            added_cond_kwargs=conditioning.added_cond_kwargs_per_frame(frames),
            return_dict=False,
        )
        return down, mid

    def _scale_of(self, batch: int) -> float | Tensor:
        """Return what a batch of clips is multiplied by."""
        if not isinstance(self.scale, Tensor):
            return self.scale
        return self.scale.repeat(batch)[:, None, None, None]


@dataclass(slots=True)
class ControlNets:
    """The ControlNets of one model: found by name, loaded when asked for, the last ones kept.

    ``model_directory`` may have its own in ``controlnet/KIND``.
    """

    unet_config: Any
    model_directory: Path
    offloader: Offloader
    dtype: torch.dtype
    _loaded: OrderedDict[Path, LoadedControlNet] = field(default_factory=OrderedDict)
    _resolved: dict[str, Path] = field(default_factory=dict)

    def prepare(self, request: Request, images: Sequence[Frames]) -> list[ClipControl]:
        """Return a ClipControl for each of the request's controls that has any strength.

        Raises RequestError where the pictures don't belong to the request, ModelError for a
        ControlNet that can't be found, read or used.
        """
        _check_condition_images(request, images)
        pairs = zip(request.controls, images, strict=True)
        active = [pair for pair in pairs if pair[0].scale or pair[0].scales]
        self._evict({self._resolve(control.kind) for control, _ in active})
        at_once = frames_at_once(request)
        return [self._prepare(control, image, at_once) for control, image in active]

    @property
    def in_memory(self) -> list[Path]:
        """Return where the loaded ones come from, the least recently used first."""
        return list(self._loaded)

    def clear_cache(self) -> None:
        """Forget all ControlNets, and where they were found."""
        self._loaded.clear()
        self._resolved.clear()

    @property
    def networks(self) -> list[nn.Module]:
        """Return the networks that are loaded."""
        return [loaded.network for loaded in self._loaded.values()]

    @property
    def by_kind(self) -> dict[str, list[nn.Module]]:
        """Return the loaded modules, their embeddings among them, by where they come from."""
        return {
            path.name: [loaded.network, loaded.embedding] for path, loaded in self._loaded.items()
        }

    def _prepare(self, control: Control, images: Frames, at_once: int) -> ClipControl:
        loaded = self.get(control.kind)
        active_steps = StepRange(control.start, control.end)
        embedded = loaded.embed(images, at_once)
        scale = _scales(control, embedded) if control.scales else control.scale
        return ClipControl(loaded.network, embedded, scale, active_steps)

    def get(self, kind: str) -> LoadedControlNet:
        """Return the ControlNet that a control's ``kind`` names. Raises ModelError."""
        path = self._resolve(kind)
        if path not in self._loaded:
            network = load_controlnet(path, self.unet_config, dtype=self.dtype)
            loaded = self._loaded[path] = LoadedControlNet.of(network)
            self.offloader.place(loaded.network)
            loaded.embedding.to(self.offloader.device)  # small, and wanted once
        self._loaded.move_to_end(path)
        return self._loaded[path]

    def _resolve(self, kind: str) -> Path:
        """Return where a kind's files are; the hub is asked once for each, not at each request."""
        if kind not in self._resolved or not self._resolved[kind].exists():
            self._resolved[kind] = resolve_controlnet(kind, self.model_directory)
        return self._resolved[kind]

    def _evict(self, needed: set[Path]) -> None:
        """Forget what was used longest ago and isn't needed, before anything is loaded."""
        others = [path for path in self._loaded if path not in needed]
        for path in others[: max(0, len(others) + len(needed) - CONTROLNETS_IN_MEMORY)]:
            del self._loaded[path]


def _scales(control: Control, embedded: Tensor) -> Tensor:
    """Return a control's strength in each frame, (f,)."""
    keys, numbers = strengths(control.scales, len(embedded))
    return embedded.new_tensor(
        [
            (1 - blend.share) * numbers[blend.before] + blend.share * numbers[blend.after]
            for blend in blends(keys, len(embedded))
        ]
    )


def combined_residuals(
    controls: Sequence[ClipControl], sample: Tensor, timestep: Tensor, conditioning: Conditioning
) -> dict[str, Any]:
    """Return the UNet's further arguments: the sum of what these ControlNets add; {} for none."""
    total: Residuals | None = None
    for control in controls:
        down, mid = control.residuals(sample, timestep, conditioning)
        if total is not None:
            down = [one + other for one, other in zip(total[0], down, strict=True)]
            mid = total[1] + mid
        total = down, mid
    if total is None:
        return {}
    return {
        "down_block_additional_residuals": tuple(total[0]),
        "mid_block_additional_residual": total[1],
    }


def _check_condition_images(request: Request, images: Sequence[Frames]) -> None:
    if len(images) != len(request.controls):
        raise RequestError(
            "There are {networks} ControlNets and pictures for {pictures}; each one needs its own.",
            networks=len(request.controls),
            pictures=len(images),
        )
    needed = (request.video_length, request.height, request.width, 3)
    for image in images:
        if image.shape != needed:
            raise RequestError(
                "The ControlNet's pictures are {found}, but the clip is {needed}; resize them to "
                "match.",
                found=_shape(image.shape),
                needed=_shape(needed),
            )


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
