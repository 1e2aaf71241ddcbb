"""The stages from a seed to latents: the noise is drawn, and taken away again step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from generator.contract import stages
from generator.contract.errors import CancelledError
from generator.contract.messages import Request
from generator.contract.progress import ProgressCallback
from generator.contract.windows import plan_of
from generator.inference.latent_preview import predict_original_sample
from generator.inference.overflow import FiniteWatch
from generator.inference.stages.predictor import PredictorFactory, StepInputs
from generator.inference.stages.stage import (
    ClipRun,
    Clips,
    Networks,
    PipelineState,
    Stage,
    needed,
)
from generator.inference.stages.windowed_predictor import make_predictor
from generator.model.conditioning import Conditioning, StepRange
from generator.model.latents import LATENT_SCALE
from generator.model.schedulers import Scheduler, add_noise, make_scheduler, scheduler_step
from generator.model.switches import freeu

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
    end of the way is left to go; where they are frames that are kept, these go the whole way beside
    the others, as the sampler would have them (the known part of RePaint, Lugmayr et al. 2022).
    """

    name: ClassVar[str] = stages.DENOISE
    networks: ClassVar[Networks] = Networks.ALL

    make_predictor: PredictorFactory = make_predictor

    def run(self, state: PipelineState, report: ProgressCallback) -> PipelineState:
        """Fill in ``latents``; the noise and what was told of the clip are needed no more."""
        (made,) = self.run_together([ClipRun(state, report, _raise)])
        return made.state

    def run_together(self, clips: Sequence[ClipRun]) -> Clips:
        """Ask about all clips together; the rest of a step is each one's own.

        One that is cancelled is left out of the steps to come.
        """
        state = clips[0].state
        with freeu(state.model.unet, is_on=state.request.freeu):
            return self._walk_together(clips, state)

    def _walk_together(self, clips: Sequence[ClipRun], state: PipelineState) -> Clips:
        predictor = self.make_predictor(state.model, state.request)
        walks = [_Walk.begin(clip) for clip in clips]
        steps, watch = _Steps.of(walks), FiniteWatch(state.model.dtype)
        for step, timestep in enumerate(steps.timesteps):
            inputs = steps.inputs(step)
            given = [walk.input(timestep) for walk in walks]
            predicted = predictor.predict(torch.cat(given), inputs)
            latents = [
                walk.take(timestep, own_input, own, inputs)
                for walk, own_input, own in zip(
                    walks, given, torch.split(predicted, 1), strict=True
                )
            ]
            watch.note(predicted, *latents)
            going_on = [walk for walk in walks if walk.has_reported(step + 1)]
            if not going_on:
                return []
            if len(going_on) < len(walks):
                walks, steps = going_on, _Steps.of(going_on)
        watch.finish()
        return [walk.arrived for walk in walks]


@dataclass(slots=True)
class _Walk:
    """One clip's way back from noise: its latents, and a sampler and a generator of its own.

    ``kept`` are the clean latents of frames that stay (1, 4, k, h/8, w/8), and their noise.
    """

    clip: ClipRun
    scheduler: Scheduler
    generator: torch.Generator
    latents: Tensor
    kept: tuple[Tensor, Tensor] | None = None

    @classmethod
    def begin(cls, clip: ClipRun) -> Self:
        state, request = clip.state, clip.state.request
        noise, generator = needed(state.noise), needed(state.generator)
        scheduler = make_scheduler(request.scheduler, state.model.scheduler_config, request.steps)
        latents: Tensor = noise * scheduler.init_noise_sigma
        if request.kept_frames:
            kept = needed(state.init_latents)
            return cls(clip, scheduler, generator, latents, (kept, noise[:, :, : kept.shape[2]]))
        if state.init_latents is not None:
            init_latents = state.init_latents.expand_as(noise)
            latents = add_noise(scheduler, init_latents, noise, request.steps_made)
        return cls(clip, scheduler, generator, latents)

    def input(self, timestep: Tensor) -> Tensor:
        """Return what the networks are shown at a timestep, of variance one."""
        if self.kept is not None:
            self._begin_with(self.scheduler.add_noise(*self.kept, timestep[None]))
        shown: Tensor = self.scheduler.scale_model_input(self.latents, timestep)
        return shown

    def take(
        self, timestep: Tensor, model_input: Tensor, predicted: Tensor, inputs: StepInputs
    ) -> Tensor:
        """Go a step by what is predicted of ``model_input``; return the latents there."""
        if self.clip.state.preview_callback is not None:
            self.clip.state.preview_callback(
                predict_original_sample(self.scheduler, model_input, predicted, timestep),
                inputs.step + 1,
                inputs.steps,
            )
        self.latents = scheduler_step(
            self.scheduler, predicted, timestep, self.latents, self.generator
        )
        return self.latents

    def _begin_with(self, frames: Tensor) -> None:
        self.latents = torch.cat([frames, self.latents[:, :, frames.shape[2] :]], dim=2)

    def has_reported(self, step: int) -> bool:
        """Report that so many steps are done; return whether the clip is still wanted."""

        def report(state: PipelineState, report: ProgressCallback) -> PipelineState:
            report(stages.DENOISE, step, state.request.steps_made)
            return state

        return bool(self.clip.after(report))

    @property
    def arrived(self) -> ClipRun:
        """The clip with its latents, and without what they were made of."""
        if self.kept is not None:
            self._begin_with(self.kept[0])
        state = replace(
            self.clip.state,
            latents=self.latents,
            noise=None,
            init_latents=None,
            conditioning=None,
            controls=(),
        )
        return replace(self.clip, state=state)


@dataclass(frozen=True, slots=True)
class _Steps:
    """What the networks are told at each step of so many clips as there are.

    The sampler reads its ``timesteps``, on the CPU; ``told`` are these where the networks are, so
    that nobody waits for one. The conditionings are made once: the UNet's runner knows them again.
    """

    state: PipelineState
    timesteps: Tensor
    told: Tensor
    conditioning: Conditioning
    conditional: Conditioning

    @classmethod
    def of(cls, walks: Sequence[_Walk]) -> Self:
        state = walks[0].clip.state
        timesteps = walks[0].scheduler.timesteps[-state.request.steps_made :]
        conditioning = needed(state.conditioning).of(len(walks))
        told = timesteps.to(walks[0].latents.device)
        return cls(state, timesteps, told, conditioning, conditioning.conditional)

    def inputs(self, step: int) -> StepInputs:
        request, steps = self.state.request, len(self.timesteps)
        guidance = StepRange(request.guidance_start, request.guidance_end)
        return StepInputs(
            step,
            steps,
            self.told[step],
            self.conditioning if guidance.covers(step, steps) else self.conditional,
            tuple(one for one in self.state.controls if one.active_steps.covers(step, steps)),
        )


def _raise(error: CancelledError) -> None:
    raise error
