"""The samplers by name, each built from the model's own scheduler config.

The config says how the model was trained (betas, what it predicts, how timesteps are spaced);
the name says only how to walk back from noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
)

from generator.limits import scheduler_name

Scheduler = Any  # one of the classes below; diffusers ships no types

_CLASSES = {
    "euler_a": EulerAncestralDiscreteScheduler,
    "euler": EulerDiscreteScheduler,
    "ddim": DDIMScheduler,
    "dpmpp_2m": DPMSolverMultistepScheduler,
}


def make_scheduler(name: str, config: Mapping[str, Any], steps: int) -> Scheduler:
    """A fresh scheduler, set to exactly ``steps`` timesteps (on the CPU, largest first).

    Raises RequestError for an unknown name.
    """
    scheduler = _CLASSES[scheduler_name(name)].from_config(dict(config))
    scheduler.set_timesteps(steps)
    _drop_surplus(scheduler, steps)
    return scheduler


def _drop_surplus(scheduler: Scheduler, steps: int) -> None:
    """Takes back the step -1 that trailing spacing adds for some counts (61, 103, 121, 122).

    diffusers counts down from 1000 in steps of a rounded fraction, which then arrives at a little
    above zero instead of zero.
    """
    if len(scheduler.timesteps) <= steps:
        return
    scheduler.timesteps = scheduler.timesteps[:steps]
    scheduler.num_inference_steps = steps
    if hasattr(scheduler, "sigmas"):
        scheduler.sigmas = torch.cat([scheduler.sigmas[:steps], scheduler.sigmas[-1:]])
