"""A step as the original computes it, over a ``HotshotUNet``'s weights: the yardstick of exactness.

Nothing here is ours but the order: each layer is diffusers' or PyTorch's own, asked as Hotshot-XL's
classes ask theirs. Clips stay b c f h w, the step is told to each clip, the text is laid out for
each frame, and convolutions and transformers see single frames. In float32 it agrees with what was
recorded of the original; in half precision our network has to agree with it to the last bit.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from diffusers.models.attention_processor import AttnProcessor2_0
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional

from generator.model.unet import HotshotUNet


class OriginalStep:
    """The original's forward pass. The network is copied, and then asked part by part."""

    def __init__(self, unet: HotshotUNet) -> None:
        self.unet: Any = copy.deepcopy(unet)
        self.unet.set_attn_processor(AttnProcessor2_0())

    @torch.inference_mode()
    def __call__(
        self, sample: Tensor, timestep: float, text: Tensor, added: dict[str, Tensor]
    ) -> Tensor:
        """Return the prediction for (b, c, f, h, w); the arguments are ``HotshotUNet``'s."""
        unet = self.unet
        told = self._told(timestep, added, sample)
        each = text.repeat_interleave(sample.shape[2], dim=0)
        clips = _by_frame(unet.conv_in, sample)
        skips = [clips]
        for block in unet.down_blocks:
            for layer in _layers(block):
                clips = _layer(clips, told, each, layer)
                skips.append(clips)
            if block.downsamplers is not None:
                clips = _by_frame(block.downsamplers[0].conv, clips)
                skips.append(clips)
        first, last = unet.mid_block.resnets
        clips = _layer(clips, told, each, (first, unet.mid_block.attentions[0], None))
        clips = _resnet(clips, told, last)
        for block in unet.up_blocks:
            for layer in _layers(block):
                clips = _layer(torch.cat([clips, skips.pop()], dim=1), told, each, layer)
            if block.upsamplers is not None:
                size = (clips.shape[2], *skips[-1].shape[3:])
                clips = functional.interpolate(clips, size=size, mode="nearest")
                clips = _by_frame(block.upsamplers[0].conv, clips)
        clips = functional.silu(_over_clips(clips, unet.conv_norm_out))
        return _by_frame(unet.conv_out, clips)

    def _told(self, timestep: float, added: dict[str, Tensor], sample: Tensor) -> Tensor:
        unet, count = self.unet, sample.shape[0]
        timesteps = torch.full((count,), timestep, device=sample.device)
        embedded = unet.time_embedding(unet.time_proj(timesteps).to(sample.dtype))
        sizes = unet.add_time_proj(added["time_ids"].flatten()).reshape(count, -1)
        joined = torch.cat([added["text_embeds"], sizes], dim=-1).to(embedded.dtype)
        return embedded + unet.add_embedding(joined)  # type: ignore[no-any-return]


def _layers(block: Any) -> Sequence[tuple[Any, Any, Any]]:
    attentions = getattr(block, "attentions", None) or [None] * len(block.resnets)
    return list(zip(block.resnets, attentions, block.motion_modules, strict=True))


def _layer(clips: Tensor, told: Tensor, each: Tensor, parts: tuple[Any, Any, Any]) -> Tensor:
    resnet, attention, temporal = parts
    clips = _resnet(clips, told, resnet)
    if attention is not None:
        frames = attention(_frames(clips), encoder_hidden_states=each, return_dict=False)[0]
        clips = rearrange(frames, "(b f) c h w -> b c f h w", f=clips.shape[2])
    if temporal is not None and clips.shape[2] > 1:
        clips = _temporal(clips, temporal)
    return clips


def _resnet(clips: Tensor, told: Tensor, w: Any) -> Tensor:
    made = _by_frame(w.conv1, functional.silu(_over_clips(clips, w.norm1)))
    made = made + w.time_emb_proj(functional.silu(told))[:, :, None, None, None]
    made = _by_frame(w.conv2, functional.silu(_over_clips(made, w.norm2)))
    if w.conv_shortcut is not None:
        clips = _by_frame(w.conv_shortcut, clips)
    added: Tensor = (clips + made) / w.output_scale_factor
    return added


def _temporal(clips: Tensor, w: Any) -> Tensor:
    count, (height, width) = clips.shape[2], clips.shape[3:]
    frames = _frames(clips)
    rows = rearrange(w.norm(frames), "(b f) c h w -> (b f) (h w) c", f=count)
    rows = w.proj_in(rows)
    for block in w.transformer_blocks:
        rows = _temporal_block(rows, block, count)
    rows = w.proj_out(rows)
    made: Tensor = rearrange(rows, "n (h w) c -> n c h w", h=height, w=width).contiguous()
    return rearrange(made + frames, "(b f) c h w -> b c f h w", f=count)


def _temporal_block(rows: Tensor, w: Any, count: int) -> Tensor:
    """Both attentions are along time; places in the clip are added behind each norm."""
    places = rows.shape[1]
    for norm, attention in ((w.norm1, w.attn1), (w.norm2, w.attn2)):
        in_time = rearrange(norm(rows), "(b f) p c -> (b p) f c", f=count)
        seen = attention(in_time + w.pos_embed.pe[:, :count])
        rows = rearrange(seen, "(b p) f c -> (b f) p c", p=places) + rows
    made: Tensor = w.ff(w.norm3(rows)) + rows
    return made


def _over_clips(clips: Tensor, norm: nn.GroupNorm) -> Tensor:
    return functional.group_norm(clips, norm.num_groups, norm.weight, norm.bias, norm.eps)


def _by_frame(convolution: Any, clips: Tensor) -> Tensor:
    frames: Tensor = convolution(_frames(clips))
    return rearrange(frames, "(b f) c h w -> b c f h w", f=clips.shape[2])


def _frames(clips: Tensor) -> Tensor:
    return rearrange(clips, "b c f h w -> (b f) c h w")
