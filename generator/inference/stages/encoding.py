"""The stages that make tensors of what a request brings: its words, LoRAs, sources and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import torch
from einops import rearrange
from torch import Tensor

from generator.contract import stages
from generator.contract.errors import RequestError
from generator.contract.messages import Request
from generator.contract.progress import ProgressCallback
from generator.contract.travel import Key, all_keys, blends
from generator.contract.windows import plan_of
from generator.inference.overflow import check_finite
from generator.inference.stages.decoding import pictures_at_once
from generator.inference.stages.encoded_prompts import EncodedPrompts
from generator.inference.stages.stage import (
    ClipRun,
    Clips,
    Networks,
    PipelineState,
    Stage,
    needed,
)
from generator.media.clip import Frames
from generator.model.conditioning import Conditioning, TextTrack
from generator.model.latents import scale_latents
from generator.model.loading import HotshotModel


@dataclass(frozen=True, slots=True)
class EncodePrompt(Stage):
    """Encodes text, sizes and the ControlNets' pictures; applies the LoRAs first.

    ``prompts`` has what was encoded ahead.
    """

    name: ClassVar[str] = stages.ENCODE_PROMPT
    networks: ClassVar[Networks] = Networks.ALL

    prompts: EncodedPrompts = field(default_factory=lambda: EncodedPrompts(encode_prompt))

    def run(self, state: PipelineState, report: ProgressCallback) -> PipelineState:
        """Fill in ``conditioning`` and ``controls``.

        Raises ModelError for a LoRA or ControlNet that can't be used.
        """
        encoded = self._encoded(state)
        report(self.name, 1, 1)
        return encoded

    def run_together(self, clips: Sequence[ClipRun]) -> Clips:
        """Encode once what all clips are told."""
        encoded = self._encoded(clips[0].state)

        def share(state: PipelineState, report: ProgressCallback) -> PipelineState:
            report(self.name, 1, 1)
            return replace(state, controls=encoded.controls, conditioning=encoded.conditioning)

        return [after for clip in clips for after in clip.after(share)]

    def _encoded(self, state: PipelineState) -> PipelineState:
        model, request = state.model, state.request
        with self.prompts.lock:
            model.loras.apply(request.loras)
            controls = tuple(model.controlnets.prepare(request, state.condition_images))
            conditioning = self.prompts.conditioning(model, request)
        return replace(state, controls=controls, conditioning=conditioning)


class EncodeImage(Stage):
    """Encodes what the clip begins from to clean latents."""

    name: ClassVar[str] = stages.ENCODE_IMAGE
    networks: ClassVar[Networks] = Networks.ALL

    def run(self, state: PipelineState, report: ProgressCallback) -> PipelineState:
        """Fill in ``init_latents``."""
        return replace(
            state, init_latents=encode_image(state.model, needed(state.init_image), report)
        )

    def run_together(self, clips: Sequence[ClipRun]) -> Clips:
        """Encode once what all clips begin from; in a second pass each has its own frames."""
        first = clips[0].state
        if len(clips) == 1 or any(clip.state.init_image is not first.init_image for clip in clips):
            return super().run_together(clips)
        init_latents = encode_image(first.model, needed(first.init_image), lambda *_: None)

        def share(state: PipelineState, report: ProgressCallback) -> PipelineState:
            report(self.name, 1, 1)
            return replace(state, init_latents=init_latents)

        return [after for clip in clips for after in clip.after(share)]


def encode_prompt(model: HotshotModel, request: Request) -> Conditioning:
    """Encode text and sizes: of the prompt, or of the negative one and then the prompt."""
    texts = [request.negative_prompt] if request.guidance_scale > 1 else []
    tracks = [
        None if text is None else all_keys(text, request.video_length)
        for text in (*texts, request.prompt)
    ]
    sizes = (*request.original_size, 0, 0, *request.target_size)
    time_ids = torch.tensor([sizes], dtype=torch.float32, device=model.device)
    time_ids = time_ids.expand(len(tracks), -1)
    if any(keys and any(key.text != keys[0].text for key in keys) for keys in tracks):
        return _travelling(model, request, tracks, time_ids)
    *negative, prompt = (keys[0].text if keys else None for keys in tracks)
    if negative:
        encoded = model.text.encode_guided(prompt or "", negative[0])
    else:
        encoded = model.text.encode([prompt or ""])
    return Conditioning(encoded, time_ids)


def _travelling(
    model: HotshotModel,
    request: Request,
    tracks: Sequence[Sequence[Key] | None],
    time_ids: Tensor,
) -> Conditioning:
    """Return the conditioning of texts that change along the clip; each is encoded once."""
    if not model.text.force_zeros_for_empty_prompt:
        tracks = [all_keys("", 1) if keys is None else keys for keys in tracks]
    texts = list(dict.fromkeys(key.text for keys in tracks if keys for key in keys))
    encoded = model.text.encode(texts)
    shares = encoded.hidden.new_zeros(len(tracks), request.video_length, len(texts))
    for of_text, keys in zip(shares, tracks, strict=True):
        if keys is None:  # as the model knows an absent text: all zeros
            continue
        for of_frame, blend in zip(of_text, blends(keys, request.video_length), strict=True):
            of_frame[texts.index(keys[blend.before].text)] += 1 - blend.share
            of_frame[texts.index(keys[blend.after].text)] += blend.share
    track = TextTrack(encoded, shares)
    whole = Conditioning(track.of([0]), time_ids, track)
    return whole if plan_of(request) else whole.window(range(request.video_length))


def encode_image(model: HotshotModel, init_image: Frames, report: ProgressCallback) -> Tensor:
    """Encode frames (1 or f, h, w, 3) to clean latents (1, 4, 1 or f, h/8, w/8).

    A VAE that draws its latents gives their mean: the noise to come is drawn from the seed.
    """
    vae = model.vae
    levels = rearrange(torch.from_numpy(init_image), "f h w c -> f c h w").to(model.device)
    chunks = torch.split(levels, pictures_at_once(model, init_image.shape[1] * init_image.shape[2]))
    encoded: list[Tensor] = []
    for step, chunk in enumerate(chunks, start=1):
        given = vae.encode((chunk.float() / 127.5 - 1).to(vae.dtype))
        drawn = hasattr(given, "latent_dist")
        encoded.append((given.latent_dist.mode() if drawn else given.latents).float())
        check_finite(encoded[-1])
        report(stages.ENCODE_IMAGE, step, len(chunks))
    return rearrange(scale_latents(torch.cat(encoded), vae.config), "f c h w -> 1 c f h w")


def check_init_image(request: Request, init_image: Frames | None) -> None:
    """Raise RequestError where a request and what it begins from don't belong together."""
    if (init_image is None) != (not request.image):
        raise RequestError("The image and what it shows belong together; give both, or neither.")
    size = (request.height, request.width, 3)
    kept = request.kept_frames
    whole, still = (kept or request.video_length, *size), (1, *size)
    if init_image is not None and init_image.shape == still and kept > 1:
        raise RequestError(
            "The image has 1 frame, and {count} are to be kept; give a GIF, or keep 1.",
            count=kept,
        )
    if init_image is not None and init_image.shape not in (whole, still):
        raise RequestError(
            "The image's frames are {shape} where the clip is {wanted}; resize them to match.",
            shape=init_image.shape,
            wanted=whole,
        )
