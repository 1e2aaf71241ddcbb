"""The task of fine-tuning: the temporal layers of a Hotshot-XL learn from clips with prompts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator
from diffusers import DDPMScheduler
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from generator.control.geometry import crop_box
from generator.errors import TrainingError
from generator.hotshot.loading import HotshotModel
from generator.hotshot.text import EncodedText
from generator.hotshot.unet import HotshotUNet, TemporalTransformer
from generator.limits import Size
from generator.training import result, step
from generator.training.buckets import Plan
from generator.training.chance import Chance
from generator.training.encode import CaptionEncoder, LatentEncoder, digest_files, draw_latents
from generator.training.samples import BadSampleError, Sample
from generator.training.settings import FineTuneSettings


@dataclass(frozen=True, slots=True)
class Clip:
    """A sample at the size that it is trained at."""

    sample: Sample
    size: Size
    key: str

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.size.width, self.size.height, len(self.sample.files)

    @property
    def time_ids(self) -> tuple[float, ...]:
        """As the original's training has them: original size, crop's corner, target size."""
        left, top, _, _ = crop_box(self.sample.size, (self.size.width, self.size.height))
        return (*self.sample.original_size, left, top, self.size.width, self.size.height)


def clip_of(sample: Sample, size: Size) -> Clip:
    return Clip(sample, size, digest_files(sample.files, size.width, size.height))


@dataclass(kw_only=True)
class ClipTask:
    """A ``Task`` of ``generator.training.loop``; its network is the model's own UNet."""

    model: HotshotModel
    schedule: DDPMScheduler
    clips: Sequence[Clip]
    plan: Plan
    latents: LatentEncoder
    captions: CaptionEncoder
    settings: FineTuneSettings
    accelerator: Accelerator

    def __post_init__(self) -> None:
        self.unet = self.model.unet
        self.base = result.fingerprint(self.unet)

    def parameters(self) -> list[nn.Parameter]:
        return list(self.unet.temporal_parameters())

    def learning_rates(self, base: float) -> list[float]:
        return [base] * len(self.parameters())

    def names(self, step: int) -> list[str]:
        return [self.clips[index].sample.name for index in self.plan.at(step)]

    def losses(self, step_number: int, places: range) -> Tensor:
        batch = self.batch(step_number, places)
        prediction = step.predict(self.unet, self.schedule, batch)
        parts = [
            step.loss(
                prediction[index : index + 1],
                self.schedule,
                _only(batch, index),
                snr_gamma=self.settings.snr_gamma,
            )
            for index in range(len(places))
        ]
        return torch.stack(parts)

    def batch(self, step_number: int, places: range) -> step.Batch:
        """All that was drawn for these places of a step, on the device."""
        indices = self.plan.at(step_number)
        drawn = [self._drawn(self.clips[indices[place]], step_number, place) for place in places]
        device = self.accelerator.device
        latents, noise, timesteps, said, times = zip(*drawn, strict=True)
        return step.Batch(
            latents=torch.stack(latents).to(device),
            noise=torch.stack(noise).to(device),
            timesteps=torch.tensor(timesteps, device=device),
            prompt_embeds=torch.cat([text.hidden for text in said]).to(device),
            text_embeds=torch.cat([text.pooled for text in said]).to(device),
            time_ids=torch.tensor(times, dtype=torch.float32, device=device),
        )

    def prepare(self, places: range) -> Iterator[int]:
        """Encodes these clips into the caches; yields after each."""
        for index in places:
            if self.latents.cache.directory is not None:
                self._moments(self.clips[index])
            if self.captions.cache.directory is not None:
                self.captions.encode(self.clips[index].sample.prompt)
                self.captions.encode("")
            yield index

    def save(self, directory: Path) -> None:
        result.save_temporal_layers(self.unet, directory / result.TEMPORAL, base=self.base)

    def load(self, directory: Path) -> None:
        result.load_temporal_layers(self.unet, directory, base=self.base)

    def _drawn(
        self, clip: Clip, step_number: int, place: int
    ) -> tuple[Tensor, Tensor, int, EncodedText, tuple[float, ...]]:
        chance = Chance(self.settings.run.seed, step_number, place)
        dropped = chance.uniform() < self.settings.caption_dropout
        timestep = chance.below(self.schedule.config.num_train_timesteps)
        latents = draw_latents(self._moments(clip), self.latents.vae.config, chance)
        noise = chance.noise(latents.shape, self.settings.noise_offset)
        said = self.captions.absent() if dropped else self.captions.encode(clip.sample.prompt)
        return latents, noise, timestep, said, clip.time_ids

    def _moments(self, clip: Clip) -> dict[str, Tensor]:
        size = clip.size
        try:
            return self.latents.moments(
                lambda: clip.sample.frames(size.width, size.height), clip.key
            )
        except BadSampleError as error:
            raise TrainingError(f"The sample {clip.sample.name} can't be used: {error}.") from error


def checkpoint_gradients(unet: HotshotUNet) -> None:
    """Computes activations again in the backward pass instead of keeping them.

    diffusers does so for resnets and spatial transformers; the temporal ones are ours to do.
    """
    unet.enable_gradient_checkpointing()
    for module in unet.modules():
        if isinstance(module, TemporalTransformer):
            module.forward = _recomputed(module.forward)  # type: ignore[method-assign]


def _recomputed(forward: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def run(frames: Tensor, num_frames: int) -> Tensor:
        if not torch.is_grad_enabled():
            return forward(frames, num_frames=num_frames)
        recomputed: Tensor = checkpoint(forward, frames, num_frames=num_frames, use_reentrant=False)
        return recomputed

    return run


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
