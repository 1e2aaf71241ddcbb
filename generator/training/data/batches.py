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
from generator.training.data.buckets import Plan
from generator.training.data.latent_cache import LatentEncoder, Tensors, digest_files, draw_latents
from generator.training.data.pan_crop import MOTIONS, glide, part, said
from generator.training.data.sample_rng import SampleRng
from generator.training.data.samples import BadSampleError, Sample


class Captions(Protocol):
    """What encodes captions."""

    def encode(self, caption: str) -> EncodedText: ...

    def absent(self) -> EncodedText: ...


@dataclass(frozen=True, slots=True)
class Clip:
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
        return tuple(said(prompt, self.motion) for prompt in self.sample.prompts)

    @property
    def time_ids(self) -> tuple[float, ...]:
        """As the original's training has them: original size, crop's corner, target size.

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


def clip_of(
    sample: Sample, size: Size, crops: tuple[Crop, ...] = (MIDDLE,), motion: str = ""
) -> Clip:
    how = () if crops == (MIDDLE,) else crops
    key = digest_files(sample.files, size.width, size.height, *how)
    return Clip(sample, size, key, crops, motion)


def clips_of(
    sample: Sample, size: Size, count: int, rng: np.random.Generator, *, video_length: int = 1
) -> list[Clip]:
    """The whole of a picture, and ``count`` - 1 parts of it, each another place and scale.

    As clips: ``count`` ways of moving the view over it, by turns of every motion.
    """
    if video_length == 1:
        ways = [MIDDLE, *(part(rng) for _ in range(count - 1))]
        return [clip_of(sample, size, (crop,)) for crop in ways]
    motions = itertools.islice(itertools.cycle(MOTIONS), count)
    glides = [glide(motion, video_length, rng) for motion in motions]
    return [clip_of(sample, size, each.crops, each.motion) for each in glides]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batches:
    """The batches of a run over ``clips``.

    ``flip`` mirrors every other picture; ``caption_dropout`` is the share of captions left out.
    """

    clips: Sequence[Clip]
    plan: Plan
    schedule: DDPMScheduler
    latents: LatentEncoder
    captions: Captions
    seed: int
    device: torch.device
    caption_dropout: float = 0.0
    noise_offset: float = 0.0
    snr_gamma: float | None = None
    flip: bool = False

    def names(self, step_number: int) -> list[str]:
        """The sample at each place of a step's global batch."""
        return [self.clips[index].sample.name for index in self.plan.at(step_number)]

    def losses(self, unet: HotshotUNet, step_number: int, places: range) -> Tensor:
        """A loss (b,) for each of these places of a step."""
        batch = self.at(step_number, places)
        prediction = step.predict(unet, self.schedule, batch)
        parts = [
            step.loss(
                prediction[index : index + 1],
                self.schedule,
                _only(batch, index),
                snr_gamma=self.snr_gamma,
            )
            for index in range(len(places))
        ]
        return torch.stack(parts)

    def at(self, step_number: int, places: range) -> step.Batch:
        """All that was drawn for these places of a step, on the device."""
        indices = self.plan.at(step_number)
        drawn = [self._drawn(self.clips[indices[place]], step_number, place) for place in places]
        latents, noise, timesteps, said, times = zip(*drawn, strict=True)
        return step.Batch(
            latents=torch.stack(latents).to(self.device),
            noise=torch.stack(noise).to(self.device),
            timesteps=torch.tensor(timesteps, device=self.device),
            prompt_embeds=torch.cat([text.hidden for text in said]).to(self.device),
            text_embeds=torch.cat([text.pooled for text in said]).to(self.device),
            time_ids=torch.tensor(times, dtype=torch.float32, device=self.device),
        )

    def prepare(self, indices: range) -> Iterator[int]:
        """Encodes these clips into the caches; yields after each."""
        for index in indices:
            if self.latents.cache.directory is not None:
                for mirrored in (False, True) if self.flip else (False,):
                    self._moments(self.clips[index], mirrored=mirrored)
            for prompt in self.clips[index].prompts:
                self.captions.encode(prompt)
            self.captions.absent()
            yield index

    def _drawn(
        self, clip: Clip, step_number: int, place: int
    ) -> tuple[Tensor, Tensor, int, EncodedText, tuple[float, ...]]:
        chance = SampleRng(self.seed, step_number, place)
        dropped = chance.uniform() < self.caption_dropout
        timestep = chance.below(self.schedule.config.num_train_timesteps)
        mirrored = self.flip and chance.uniform() < 0.5
        moments = self._moments(clip, mirrored=mirrored)
        latents = draw_latents(moments, self.latents.vae.config, chance)
        noise = chance.noise(latents.shape, self.noise_offset)
        prompts = clip.prompts
        prompt = prompts[chance.below(len(prompts)) if len(prompts) > 1 else 0]
        text = self.captions.absent() if dropped else self.captions.encode(prompt)
        return latents, noise, timestep, text, clip.time_ids

    def _moments(self, clip: Clip, *, mirrored: bool) -> Tensors:
        try:
            if mirrored:
                return self.latents.moments(clip.mirrored, f"{clip.key} flip")
            return self.latents.moments(clip.frames, clip.key)
        except BadSampleError as error:
            raise TrainingError(f"The sample {clip.sample.name} can't be used: {error}.") from error


def _only(batch: step.Batch, index: int) -> step.Batch:
    """The batch's clip at ``index`` alone."""
    one = slice(index, index + 1)
    return step.Batch(
        latents=batch.latents[one],
        noise=batch.noise[one],
        timesteps=batch.timesteps[one],
        prompt_embeds=batch.prompt_embeds[one],
        text_embeds=batch.text_embeds[one],
        time_ids=batch.time_ids[one],
    )
