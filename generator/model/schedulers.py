"""The samplers by name, each built from the model's own scheduler config.

The config says how the model was trained (betas, what it predicts, how timesteps are spaced);
the name says only how to walk back from noise. A sampler that draws noise on its way draws it from
the request's generator, so that a seed means the same GIF again.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from generator.contract.bounds import scheduler_name
from generator.contract.errors import RequestError
from generator.model.plain_diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    TCDScheduler,
    UniPCMultistepScheduler,
)

Scheduler = Any  # one of the classes below; diffusers ships no types

# What a name adds to the model's config. The noisy DPM-Solver is the multistep one: it needs no
# Brownian tree, whose noise would not come from the request's generator.
_KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "euler_a": (EulerAncestralDiscreteScheduler, {}),
    "euler": (EulerDiscreteScheduler, {}),
    "ddim": (DDIMScheduler, {}),
    "dpmpp_2m": (DPMSolverMultistepScheduler, {}),
    "dpmpp_2m_karras": (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "dpmpp_sde": (DPMSolverMultistepScheduler, {"algorithm_type": "sde-dpmsolver++"}),
    "unipc": (UniPCMultistepScheduler, {}),
    "lcm": (LCMScheduler, {}),
    "tcd": (TCDScheduler, {}),
    # as the cards of distilled LoRAs ask for (``generator.contract.few_steps``), whatever the model
    "euler_trailing": (EulerDiscreteScheduler, {"timestep_spacing": "trailing"}),
    "ddim_trailing": (DDIMScheduler, {"timestep_spacing": "trailing"}),
    "lcm_trailing": (LCMScheduler, {"timestep_spacing": "trailing"}),
}
# Its class in diffusers has no way back from a prediction of the picture itself.
_NO_SAMPLES = ("euler_a",)
_DISTILLED = (LCMScheduler, TCDScheduler)
_DISTILLED_STEPS = 50  # these take theirs from a longer walk, of this many unless told otherwise
_KARRAS_RHO = 7
_SIGMA_OF_PURE_NOISE = 1000.0  # beyond this a schedule has no signal left at its end


def make_scheduler(name: str, config: Mapping[str, Any], steps: int) -> Scheduler:
    """Return a fresh scheduler, set to exactly ``steps`` timesteps (on the CPU, largest first).

    Raises RequestError for an unknown name, and for one that this config's UNet can't have.
    """
    # To work it out takes milliseconds before a clip's first step, in which the device would wait.
    return deepcopy(_worked_out(_asked(name, config, steps)))


def check_scheduler(name: str, config: Mapping[str, Any]) -> None:
    """Raise whatever ``make_scheduler`` would raise."""
    _worked_out(_asked(name, config, steps=1))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A scheduler that is asked for; ``said`` tells configs apart."""

    name: str
    steps: int
    said: str
    config: Mapping[str, Any] = field(compare=False)


def _asked(name: str, config: Mapping[str, Any], steps: int) -> _Asked:
    return _Asked(scheduler_name(name), steps, repr(sorted(config.items())), config)


@lru_cache(maxsize=16)
def _worked_out(asked: _Asked) -> Scheduler:
    known, config, steps = asked.name, asked.config, asked.steps
    if known in _NO_SAMPLES and config.get("prediction_type") == "sample":
        raise RequestError(
            "{name} can't be used with a model that predicts the picture itself; choose "
            "another scheduler, such as {other}.",
            name=known,
            other="ddim",
        )
    kind, options = _KINDS[known]
    scheduler = kind.from_config({**config, **options})
    if known == "lcm_trailing":  # the class itself spaces them in one way only
        whole = scheduler.config.num_train_timesteps
        scheduler.set_timesteps(
            timesteps=[round(whole * left / steps) - 1 for left in range(steps, 0, -1)]
        )
    elif kind in _DISTILLED and steps > _DISTILLED_STEPS:
        scheduler.set_timesteps(steps, original_inference_steps=steps)
    else:
        scheduler.set_timesteps(steps)
    _drop_surplus(scheduler, steps)
    if options.get("use_karras_sigmas") and scheduler.sigmas[0] > _SIGMA_OF_PURE_NOISE:
        _ramp_below_pure_noise(scheduler, steps)
    return scheduler


def add_noise(scheduler: Scheduler, clean: Tensor, noise: Tensor, steps: int) -> Tensor:
    """Return clean latents with as much noise as the last ``steps`` timesteps lead back from.

    The scheduler is then to be stepped through those alone.
    """
    begin = len(scheduler.timesteps) - steps
    if hasattr(scheduler, "set_begin_index"):  # DDIM asks for nothing but the timestep
        scheduler.set_begin_index(begin)
    noisy: Tensor = scheduler.add_noise(clean, noise, scheduler.timesteps[begin : begin + 1])
    return noisy


def scheduler_step(
    scheduler: Scheduler,
    predicted: Tensor,
    timestep: Tensor,
    latents: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """Return the latents of one step less noise; all tensors have one shape."""
    # UniPC draws none, and doesn't know the word.
    draws = "generator" in inspect.signature(scheduler.step).parameters
    drawn_from = {"generator": generator} if draws else {}
    earlier: Tensor = scheduler.step(predicted, timestep, latents, **drawn_from).prev_sample
    return earlier


def _drop_surplus(scheduler: Scheduler, steps: int) -> None:
    """Take back the step -1 that trailing spacing adds for some counts (61, 103, 121, 122).

    diffusers counts down from 1000 in steps of a rounded fraction, which then arrives at a little
    above zero instead of zero.
    """
    if len(scheduler.timesteps) <= steps:
        return
    scheduler.timesteps = scheduler.timesteps[:steps]
    scheduler.num_inference_steps = steps
    if hasattr(scheduler, "sigmas"):
        scheduler.sigmas = torch.cat([scheduler.sigmas[:steps], scheduler.sigmas[-1:]])


def _ramp_below_pure_noise(scheduler: Scheduler, steps: int) -> None:
    """Let Karras' ramp begin at the second timestep of a schedule that ends in pure noise.

    There sigma is as good as infinite, and a ramp from it would spend most steps on noise alone.
    """
    if steps == 1:
        return
    spread = ((1 - scheduler.alphas_cumprod) / scheduler.alphas_cumprod) ** 0.5
    second = round(len(spread) * (1 - 1 / steps)) - 1
    ends = spread[[second, 0]].double() ** (1 / _KARRAS_RHO)
    ramp = torch.linspace(1, 0, steps - 1, dtype=torch.float64)
    below = (ends[1] + ramp * (ends[0] - ends[1])) ** _KARRAS_RHO
    timesteps = torch.searchsorted(spread.double(), below).clamp(0, second)
    scheduler.timesteps = torch.cat([scheduler.timesteps[:1], timesteps])
    sigmas = [scheduler.sigmas[:1], below.float(), scheduler.sigmas[-1:]]
    scheduler.sigmas = torch.cat(sigmas)
