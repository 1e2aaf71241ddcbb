"""The bounds of every model's requests, and the sentences that refuse what lies outside.

What differs from model to model is ``generator.contract.limits``'s. Standard library only.
"""

from __future__ import annotations

import random

from generator.contract.errors import RequestError
from generator.contract.text import Text

SCHEDULERS = (
    "euler_a",
    "euler",
    "ddim",
    "dpmpp_2m",
    "dpmpp_2m_karras",
    "dpmpp_sde",
    "unipc",
    "lcm",
    "tcd",
    "euler_trailing",
    "ddim_trailing",
    "lcm_trailing",
)
# The names that the original's README gives, and diffusers' for the others.
_SCHEDULER_CLASSES = {
    "EulerAncestralDiscreteScheduler": "euler_a",
    "EulerDiscreteScheduler": "euler",
    "DDIMScheduler": "ddim",
    "DPMSolverMultistepScheduler": "dpmpp_2m",
    "DPMSolverSDEScheduler": "dpmpp_sde",
    "UniPCMultistepScheduler": "unipc",
    "LCMScheduler": "lcm",
    "TCDScheduler": "tcd",
}
MAX_PROMPT_CHARACTERS = 2000
MAX_FRAMES = 24  # at once: the entries of a temporal layer's positional table
USUAL_CLIP_FRAMES = 256  # of a clip that is made in windows, unless a model or the config says more
MAX_CLIP_FRAMES = 3000  # as many as a minute has, each shown as shortly as can be
MAX_STEPS = 150
MAX_GUIDANCE_SCALE = 30.0
MAX_PAG_SCALE = 20.0
MAX_DURATION_MS = 60_000
MIN_FRAME_MS = 20  # browsers slow down anything faster to 100 ms a frame
MAX_SEED = 2**64 - 1
MAX_LORAS = 8
MAX_LORA_STRENGTH = 5.0  # either way: a negative strength takes away what was learnt
MAX_CONTROLS = 4
MAX_CONTROL_SCALE = 5.0
MIN_IMAGE_STRENGTH = 0.05  # below it, nothing would change

# As sentences call them.
FRAMES_LABEL = Text("The number of frames")
STEPS_LABEL = Text("The number of steps")
CONTROL_SCALE_LABEL = Text("The ControlNet's conditioning scale")
IMAGE_STRENGTH_LABEL = Text("The image strength")

_LONGEST_SHOWN = 60  # characters of a value that a sentence quotes
_TOO_LONG = 10**20


def scheduler_name(name: str) -> str:
    """Return the one of SCHEDULERS that a name means, or a class name of the original's README.

    Raises RequestError for any other.
    """
    known = _SCHEDULER_CLASSES.get(name, name.lower())
    if known not in SCHEDULERS:
        raise RequestError(
            "There is no scheduler {name!r}; choose one of {names}.",
            name=shorten(name),
            names=", ".join(SCHEDULERS),
        )
    return known


def draw_seed() -> int:
    """Return a fresh seed, short enough to be read out and typed again."""
    return random.randrange(2**32)


def check_order(what: Text, start: float, end: float) -> None:
    """Raise RequestError for a span that ends before it starts."""
    if start > end:
        raise RequestError(
            "{what} must not end ({end:g}) before it starts ({start:g}).",
            what=what,
            end=end,
            start=start,
        )


def check_range(what: Text, value: float, lowest: float, highest: float) -> None:
    """Raise RequestError for a value that isn't from ``lowest`` to ``highest``."""
    if not lowest <= value <= highest:  # also refuses nan
        raise RequestError(
            "{what} must be from {lowest:g} to {highest}, not {value}.",
            what=what,
            lowest=lowest,
            highest=plain(highest),
            value=plain(value) if abs(value) < _TOO_LONG else shorten(str(value)),
        )


def shorten(text: str) -> str:
    """Return what somebody typed, or a stranger's file says, as it may stand in a sentence."""
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


def plain(value: float) -> float:
    """Return a number as ``:g`` writes it, but keep every digit of a whole one."""
    if isinstance(value, int):
        return value
    short = float(f"{value:g}")
    return int(short) if short.is_integer() else short
