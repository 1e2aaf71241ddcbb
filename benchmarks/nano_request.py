"""What benchmarks have nano make: a GIF as it is made where nothing but a prompt is said."""

from __future__ import annotations

from generator.contract.limits import NANO, ModelLimits
from generator.contract.messages import Request

PROMPT = "a red ball bouncing on a black background"
_COLORS = ("red", "blue", "green", "yellow", "white")
_SHAPES = ("ball", "square", "triangle", "star")


def prompt_of(number: int) -> str:
    """Return one of twenty prompts, unlike those before it."""
    color, shape = _COLORS[number % len(_COLORS)], _SHAPES[number % len(_SHAPES)]
    return f"a {color} {shape} bouncing on a black background"


def nano_request(*, prompt: str = PROMPT, seed: int = 1, steps: int = 0) -> Request:
    """Return a request of nano's own size and sampling; 0 is its own number of steps."""
    limits = ModelLimits.of(NANO)
    return Request(
        prompt=prompt,
        seed=seed,
        width=limits.native_edge,
        height=limits.native_edge,
        steps=steps or limits.steps,
        guidance_scale=limits.guidance_scale,
        guidance_rescale=limits.guidance_rescale,
        scheduler=limits.scheduler,
    )
