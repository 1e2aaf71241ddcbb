"""The stages from a seed to latents: the noise is drawn, and taken away again step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from generator.contract import stages
from generator.contract.messages import Request
from generator.contract.progress import ProgressCallback
from generator.contract.windows import plan_of
from generator.inference.latent_preview import predict_original_sample
from generator.inference.overflow import FiniteWatch
from generator.inference.stages.predictor import PredictorFactory, StepInputs
from generator.inference.stages.stage import (
    Networks,
    PipelineState,
    Stage,
    needed,
)
from generator.inference.stages.windowed_predictor import make_predictor
from generator.model.conditioning import StepRange
from generator.model.latents import LATENT_SCALE
from generator.model.schedulers import add_noise, make_scheduler, scheduler_step

_SHARED = 0.95  # of the noise's variance, by neighbours in a stretched clip


class DrawNoise(Stage):
    """Draws the first noise, on the CPU: a seed means the same GIF on every device."""

    name: ClassVar[str] = stages.DRAW_NOISE
    networks: ClassVar[Networks] = Networks.ALL

    def run(self, state: PipelineState, report: ProgressCallback) -> PipelineState:
        """Fill in ``noise``, of variance one, in the layout that the original drew it in."""
        model, request = state.model, state.request
        shape = (
            1,
            model.unet.config.in_channels,
            request.video_length,
            request.height // LATENT_SCALE,
            request.width // LATENT_SCALE,
        )
        generator = torch.Generator().manual_seed(request.seed)
        noise = _shared(torch.randn(shape, generator=generator), request).to(model.device)
        report(self.name, 1, 1)
        return replace(state, generator=generator, noise=noise)


def _shared(noise: Tensor, request: Request) -> Tensor:
    """Return the noise of a request, (1, c, f, h, w), of variance one.

    In a stretched clip neighbours share most of it: each is in another of the strided windows, and
    these are to make one motion.
    """
    plan = plan_of(request)
    if plan is None or plan.group == 1:
        return noise
    frames = torch.arange(plan.frames)
    firsts = frames // plan.group * plan.group
    mixed: Tensor = _SHARED**0.5 * noise[:, :, firsts] + (1 - _SHARED) ** 0.5 * noise
    mixed[:, :, firsts] = noise[:, :, firsts]
    return mixed


@dataclass(frozen=True, slots=True)
class Denoise(Stage):
    """Walks the noise back to latents, by what a predictor says at each step.

    Ancestral steps draw more noise from the generator of the first. From ``init_latents`` only the
    end of the way is left to go.
    """

    name: ClassVar[str] = stages.DENOISE
    networks: ClassVar[Networks] = Networks.ALL

    make_predictor: PredictorFactory = make_predictor

    def run(self, state: PipelineState, report: ProgressCallback) -> PipelineState:
        """Fill in ``latents``; the noise and what was told of the clip are needed no more."""
        request, noise, generator = state.request, needed(state.noise), needed(state.generator)
        predictor = self.make_predictor(state.model, request)
        scheduler = make_scheduler(request.scheduler, state.model.scheduler_config, request.steps)
        steps, watch = request.steps_made, FiniteWatch(state.model.dtype)
        latents: Tensor = noise * scheduler.init_noise_sigma
        if state.init_latents is not None:
            latents = add_noise(scheduler, state.init_latents.expand_as(noise), noise, steps)
        # The sampler reads its timesteps here, the networks where they are: nobody waits for it.
        timesteps = scheduler.timesteps[-steps:]
        told = _inputs(state, timesteps.to(noise.device))
        for timestep, inputs in zip(timesteps, told, strict=True):
            model_input = scheduler.scale_model_input(latents, timestep)
            predicted = predictor.predict(model_input, inputs)
            if state.preview_callback is not None:
                state.preview_callback(
                    predict_original_sample(scheduler, model_input, predicted, timestep),
                    inputs.step + 1,
                    steps,
                )
            latents = scheduler_step(scheduler, predicted, timestep, latents, generator)
            watch.note(predicted, latents)
            report(self.name, inputs.step + 1, steps)
        watch.finish()
        return replace(
            state, latents=latents, noise=None, init_latents=None, conditioning=None, controls=()
        )


def _inputs(state: PipelineState, timesteps: Tensor) -> Iterator[StepInputs]:
    """Yield what the networks are told at each step."""
    request: Request = state.request
    guidance = StepRange(request.guidance_start, request.guidance_end)
    conditioning, steps = needed(state.conditioning), len(timesteps)
    conditional = conditioning.conditional
    for step, timestep in enumerate(timesteps):
        yield StepInputs(
            step,
            steps,
            timestep,
            conditioning if guidance.covers(step, steps) else conditional,
            tuple(one for one in state.controls if one.active_steps.covers(step, steps)),
        )
