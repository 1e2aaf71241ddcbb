"""Hotshot-XL's UNet: diffusers' ``UNetMotionModel`` with the norms where the original has them.

Three things differ from the plain class. The resnets' norms and ``conv_norm_out`` span all frames
of a clip, the temporal layers' norm is per frame and has 32 groups always; one frame skips the
temporal layers; and the text is given once per clip, not once per frame.

Frames stay (b f) c h w between the layers, in the memory format that the weights suggest
(``unet.to(memory_format=torch.channels_last)``): neither norms nor temporal layers change it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from generator.checkpoints import unet_conversion
from generator.checkpoints.inspect.temporal_names import is_temporal
from generator.contract.bounds import MAX_FRAMES
from generator.contract.errors import RequestError
from generator.model.attention import attend
from generator.model.plain_diffusers import (
    AnimateDiffTransformer3D,
    Attention,
    ResnetBlock2D,
    UNetMotionModel,
)


@dataclass
class FrameCount:
    """How many frames a clip has in the pass under way; shared by all norms of one network."""

    count: int = 1


class ClipGroupNorm(nn.GroupNorm):
    """A group norm over all frames of a clip, given frames (b f) c h w."""

    def __init__(self, plain: nn.GroupNorm, frame_count: FrameCount) -> None:
        super().__init__(plain.num_groups, plain.num_channels, plain.eps, device="meta")
        self.weight, self.bias = plain.weight, plain.bias
        self.frame_count = frame_count

    def forward(self, frames: Tensor) -> Tensor:
        """Normalize (b f) c h w over each clip, in the memory format it came in.

        Channels-last, a clip's frames lie as the norm wants them, and nothing is copied.
        """
        clips = rearrange(frames, "(b f) c h w -> b c f h w", f=self.frame_count.count)
        return rearrange(super().forward(clips), "b c f h w -> (b f) c h w")


class TemporalTransformer(nn.Module):
    """Attention along time: each place of the picture sees itself in all frames of the clip.

    Takes over the layers of a plain ``AnimateDiffTransformer3D``. A new one changes nothing until
    it is trained: its last projection starts at zero.
    """

    def __init__(self, plain: AnimateDiffTransformer3D) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(
            unet_conversion.TEMPORAL_GROUPS,
            plain.in_channels,
            eps=plain.norm.eps,
            device=plain.norm.weight.device,
        )
        self.proj_in = plain.proj_in
        self.transformer_blocks = plain.transformer_blocks
        self.proj_out = plain.proj_out
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)

    def forward(self, frames: Tensor, *_: object, num_frames: int = 1) -> Tensor:
        """Attend along the frames of (b f) c h w; one frame passes through as it is."""
        if num_frames == 1:
            return frames
        # Frame by frame, as the original: in half precision, the bias of rows that lie otherwise in
        # memory is rounded otherwise.
        rows = self.proj_in(rearrange(self.norm(frames), "n c h w -> n (h w) c"))
        positions = rearrange(rows, "(b f) p c -> (b p) f c", f=num_frames)
        for block in self.transformer_blocks:
            positions = block(positions)
        return frames + _as_frames(self.proj_out(positions), like=frames)


def _as_frames(positions: Tensor, *, like: Tensor) -> Tensor:
    """Return (b h w) f c as (b f) c h w, copied once, into the memory format of ``like``."""
    height, width = like.shape[-2:]
    if _is_channels_last(like):
        rows = rearrange(positions, "(b h w) f c -> (b f) h w c", h=height, w=width)
        return rearrange(rows, "n h w c -> n c h w")
    return rearrange(positions, "(b h w) f c -> (b f) c h w", h=height, w=width)


def _is_channels_last(frames: Tensor) -> bool:
    return not frames.is_contiguous() and frames.is_contiguous(memory_format=torch.channels_last)


class ClipAttnProcessor:
    """Attention; across to the text, all frames of a clip ask the clip's one text.

    There the frames' questions are laid end to end, so the text is projected once per clip, or once
    for all clips that follow each other and share it.
    """

    def __call__(
        self,
        attn: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
    ) -> Tensor:
        """Attend from (b f) n c to itself, or to text b t d; return (b f) n c.

        The mask is one for sdpa, or None.
        """
        queries_from, keys_from = hidden_states, hidden_states
        if encoder_hidden_states is not None:
            keys_from = encoder_hidden_states
            queries_from = hidden_states.reshape(keys_from.shape[0], -1, hidden_states.shape[-1])
        query, key, value = (
            rearrange(project(text), "b n (h d) -> b h n d", h=attn.heads)
            for project, text in (
                (attn.to_q, queries_from),
                (attn.to_k, keys_from),
                (attn.to_v, keys_from),
            )
        )
        attended = attend(query, key, value, attention_mask)
        attended = rearrange(attended, "b h n d -> b n (h d)")
        for layer in attn.to_out:  # a projection, and dropout
            attended = layer(attended)
        return attended.view_as(hidden_states)


class HotshotUNet(UNetMotionModel):  # type: ignore[misc]  # diffusers ships no types
    """The network of Hotshot-XL, built from a published ``unet/config.json``.

    ``published_config`` is that config, complete enough to be saved beside
    ``published_state_dict()``. Raises ModelError where the config is of another architecture.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(**unet_conversion.arguments(config))
        self.published_config = dict(config) | {"_class_name": unet_conversion.CLASS_NAME}
        self.frame_count = FrameCount()
        self._replace_norms()
        self.set_attn_processor(ClipAttnProcessor())

    def forward(
        self,
        sample: Tensor,
        timestep: Tensor | float,
        encoder_hidden_states: Tensor,
        *,
        added_cond_kwargs: dict[str, Tensor],
        **kwargs: Any,
    ) -> Any:
        """Predict what the scheduler's ``prediction_type`` says, for noisy clips.

        ``sample`` is (b, c, f, h, w), latents of any h and w; ``timestep`` one number or (b,);
        ``encoder_hidden_states`` (b, 77, d), once per clip, or once for some that follow each
        other; ``added_cond_kwargs`` has
        ``text_embeds`` (b, p) and ``time_ids`` (b, 6). Returns ``UNetMotionOutput`` with
        ``sample`` of the same shape, or a tuple of it with ``return_dict=False``. Further
        arguments are those of ``UNetMotionModel``. Raises RequestError beyond MAX_FRAMES.
        """
        self.frame_count.count = _checked_frames(sample)
        return super().forward(
            sample, timestep, encoder_hidden_states, added_cond_kwargs=added_cond_kwargs, **kwargs
        )

    def temporal_parameters(self) -> Iterator[nn.Parameter]:
        """Return the parameters of the temporal layers alone, which fine-tuning trains."""
        return (value for name, value in self.named_parameters() if is_temporal(name))

    def spatial_parameters(self) -> Iterator[nn.Parameter]:
        """Return all other parameters: those that an SDXL UNet has as well."""
        return (value for name, value in self.named_parameters() if not is_temporal(name))

    def published_state_dict(self) -> dict[str, Tensor]:
        """Return all tensors under the names of the published layout."""
        return unet_conversion.to_published(self.state_dict())

    def _replace_norms(self) -> None:
        self.add_module("conv_norm_out", ClipGroupNorm(self.conv_norm_out, self.frame_count))
        for resnet in self.modules():
            if isinstance(resnet, ResnetBlock2D):
                resnet.norm1 = ClipGroupNorm(resnet.norm1, self.frame_count)
                resnet.norm2 = ClipGroupNorm(resnet.norm2, self.frame_count)
        for block in (*self.down_blocks, *self.up_blocks):
            for index, plain in enumerate(block.motion_modules):
                block.motion_modules[index] = TemporalTransformer(plain)


def _checked_frames(sample: Tensor) -> int:
    frames = sample.shape[2]
    if not 1 <= frames <= MAX_FRAMES:
        raise RequestError(
            "A clip has from 1 to {most} frames at once, not {frames}.",
            most=MAX_FRAMES,
            frames=frames,
        )
    return frames
