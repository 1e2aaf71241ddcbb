"""From a step's number to tensors: which clips it sees, and everything that is drawn for them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from diffusers import DDPMScheduler
from torch import Tensor

from generator.contract.errors import TrainingError
from generator.contract.limits import Size
from generator.media.clip import Frames
from generator.model.text_encoding import EncodedText
from generator.model.unet import HotshotUNet
from generator.sources.geometry import MIDDLE, Crop, crop_box
from generator.training import step
from generator.training.data.buckets import BucketSampler
from generator.training.data.latent_cache import LatentEncoder, Tensors, digest_files, draw_latents
from generator.training.data.pan_crop import MOTIONS, draw_crop, draw_pan_crop, fill_motion
from generator.training.data.sample_rng import SampleRng
from generator.training.data.samples import BadSampleError, Sample


class CaptionEncoder(Protocol):
    """Encodes captions one at a time, for the UNet's cross-attention."""

    def encode(self, caption: str) -> EncodedText: ...

    def encode_dropped(self) -> EncodedText: ...


@dataclass(frozen=True, slots=True)
class TrainingClip:
    """A sample at the size that it is trained at; a picture is a clip of one frame.

    Several ``crops`` make a clip of a picture: the view moves over it.
    """

    sample: Sample
    size: Size
    key: str
    crops: tuple[Crop, ...] = (MIDDLE,)
    motion: str = ""  # what moving the view makes of it

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.size.width, self.size.height, len(self.sample.files) * len(self.crops)

    @property
    def prompts(self) -> tuple[str, ...]:
        return tuple(fill_motion(prompt, self.motion) for prompt in self.sample.prompts)

    @property
    def time_ids(self) -> tuple[float, ...]:
        """SDXL's micro-conditioning: original size, the crop's corner, target size.

        A view that moves has no one corner, and where it begins would give the motion away.
        """
        size = self.size.width, self.size.height
        still = len(set(self.crops)) == 1
        left, top, *_ = crop_box(self.sample.size, size, self.crops[0]) if still else (0.0, 0.0)
        return (*self.sample.original_size, left, top, self.size.width, self.size.height)

    def frames(self) -> Frames:
        return self.sample.frames(self.size.width, self.size.height, self.crops)

    def mirrored(self) -> Frames:
        return np.ascontiguousarray(self.frames()[:, :, ::-1])


def make_clip(
    sample: Sample, size: Size, crops: tuple[Crop, ...] = (MIDDLE,), motion: str = ""
) -> TrainingClip:
    crop_key = () if crops == (MIDDLE,) else crops
    key = digest_files(sample.files, size.width, size.height, *crop_key)
    return TrainingClip(sample, size, key, crops, motion)


def make_crop_clips(
    sample: Sample, size: Size, count: int, rng: np.random.Generator, *, video_length: int = 1
) -> list[TrainingClip]:
    """Return a picture's whole, and ``count`` - 1 crops of it, each of another place and scale.

    As clips: ``count`` ways of moving the view over it, by turns of every motion.
    """
    if video_length == 1:
        crops = [MIDDLE, *(draw_crop(rng) for _ in range(count - 1))]
        return [make_clip(sample, size, (crop,)) for crop in crops]
    motions = itertools.islice(itertools.cycle(MOTIONS), count)
    pan_crops = [draw_pan_crop(motion, video_length, rng) for motion in motions]
    return [make_clip(sample, size, each.crops, each.motion) for each in pan_crops]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """The batches of a run over ``clips``.

    ``flip`` mirrors every other picture; ``caption_dropout`` is the share of captions left out.
    """

    clips: Sequence[TrainingClip]
    sampler: BucketSampler
    schedule: DDPMScheduler
    latents: LatentEncoder
    captions: CaptionEncoder
    seed: int
    device: torch.device
    caption_dropout: float = 0.0
    noise_offset: float = 0.0
    snr_gamma: float | None = None
    flip: bool = False

    def sample_names(self, step_number: int) -> list[str]:
        """Return the sample's name at each position of a step's global batch."""
        return [self.clips[index].sample.name for index in self.sampler.at(step_number)]

    def losses(self, unet: HotshotUNet, step_number: int, positions: range) -> Tensor:
        """Return a loss (b,) for each of these positions of a step."""
        batch = self.at(step_number, positions)
        prediction = step.predict(unet, self.schedule, batch)
        parts = [
            step.loss(
                prediction[index : index + 1],
                self.schedule,
                _select(batch, index),
                snr_gamma=self.snr_gamma,
            )
            for index in range(len(positions))
        ]
        return torch.stack(parts)

    def at(self, step_number: int, positions: range) -> step.Batch:
        """Return all that is drawn for these positions of a step, on the device."""
        indices = self.sampler.at(step_number)
        drawn = [
            self._draw_sample(self.clips[indices[position]], step_number, position)
            for position in positions
        ]
        latents, noise, timesteps, texts, times = zip(*drawn, strict=True)
        return step.Batch(
            latents=torch.stack(latents).to(self.device),
            noise=torch.stack(noise).to(self.device),
            timesteps=torch.tensor(timesteps, device=self.device),
            prompt_embeds=torch.cat([text.hidden for text in texts]).to(self.device),
            text_embeds=torch.cat([text.pooled for text in texts]).to(self.device),
            time_ids=torch.tensor(times, dtype=torch.float32, device=self.device),
        )

    def prepare(self, indices: range) -> Iterator[int]:
        """Encode these clips and their captions into the caches; yields after each clip."""
        for index in indices:
            if self.latents.cache.directory is not None:
                for mirrored in (False, True) if self.flip else (False,):
                    self._moments(self.clips[index], mirrored=mirrored)
            for prompt in self.clips[index].prompts:
                self.captions.encode(prompt)
            self.captions.encode_dropped()
            yield index

    def _draw_sample(
        self, clip: TrainingClip, step_number: int, position: int
    ) -> tuple[Tensor, Tensor, int, EncodedText, tuple[float, ...]]:
        rng = SampleRng(self.seed, step_number, position)
        dropped = rng.uniform() < self.caption_dropout
        timestep = rng.below(self.schedule.config.num_train_timesteps)
        mirrored = self.flip and rng.uniform() < 0.5
        moments = self._moments(clip, mirrored=mirrored)
        latents = draw_latents(moments, self.latents.vae.config, rng)
        noise = rng.noise(latents.shape, self.noise_offset)
        prompts = clip.prompts
        prompt = prompts[rng.below(len(prompts)) if len(prompts) > 1 else 0]
        text = self.captions.encode_dropped() if dropped else self.captions.encode(prompt)
        return latents, noise, timestep, text, clip.time_ids

    def _moments(self, clip: TrainingClip, *, mirrored: bool) -> Tensors:
        try:
            if mirrored:
                return self.latents.moments(clip.mirrored, f"{clip.key} flip")
            return self.latents.moments(clip.frames, clip.key)
        except BadSampleError as error:
            raise TrainingError(f"The sample {clip.sample.name} can't be used: {error}.") from error


def _select(batch: step.Batch, index: int) -> step.Batch:
    """Return a batch of the clip at ``index`` alone."""
    one = slice(index, index + 1)
    return step.Batch(
        latents=batch.latents[one],
        noise=batch.noise[one],
        timesteps=batch.timesteps[one],
        prompt_embeds=batch.prompt_embeds[one],
        text_embeds=batch.text_embeds[one],
        time_ids=batch.time_ids[one],
    )
