"""Validation: GIFs of fixed prompts from the network as it is now, with one seed always."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from accelerate import Accelerator

from generator.contract.limits import ModelLimits, Size
from generator.contract.messages import Request
from generator.inference.pipeline import HotshotPipeline
from generator.media.clip import Clip
from generator.media.save import save
from generator.model.loading import HotshotModel
from generator.model.offload import Offloader
from generator.training.settings import RunSettings


@dataclass(frozen=True, slots=True)
class Validation:
    """Makes a GIF of ``frames`` frames for each test prompt."""

    model: HotshotModel
    accelerator: Accelerator
    settings: RunSettings
    limits: ModelLimits
    size: Size
    frames: int

    def __call__(self, directory: Path) -> Sequence[tuple[str, Path]]:
        """Make the GIFs; return each prompt with its GIF in ``directory``."""
        gifs = []
        with (
            evaluation_mode(self.model, self.accelerator.device) as model,
            self.accelerator.autocast(),
        ):
            pipeline = HotshotPipeline(model)
            for index, prompt in enumerate(self.settings.test_prompts):
                path = directory / f"{index}.gif"
                frames = pipeline(self._request(prompt), report=lambda *_: None)
                save(Clip(frames, 125 * len(frames)), path)
                gifs.append((prompt, path))
        return gifs

    def _request(self, prompt: str) -> Request:
        return Request(
            prompt=prompt,
            seed=self.settings.seed,
            width=self.size.width,
            height=self.size.height,
            steps=self.limits.steps,
            guidance_scale=self.limits.guidance_scale,
            guidance_rescale=self.limits.guidance_rescale,
            scheduler=self.limits.scheduler,
            video_length=self.frames,
            video_duration=125 * self.frames,
            target_size=(self.size.width, self.size.height),
        )


def move_encoders(model: HotshotModel, device: torch.device) -> None:
    """Move the VAE and the text encoders: a GPU needs their memory while the network trains."""
    model.vae.to(device)
    for encoder in model.text.encoders:
        encoder.to(device)


@contextmanager
def evaluation_mode(model: HotshotModel, device: torch.device) -> Iterator[HotshotModel]:
    before = model.vae.device
    move_encoders(model, device)
    model.unet.eval()
    try:
        yield dataclasses.replace(model, offloader=Offloader(device))
    finally:
        model.unet.train()
        move_encoders(model, before)
