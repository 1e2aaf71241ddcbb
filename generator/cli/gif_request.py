"""From the flags of ``hotshot gif`` to a request: flags first, then a recipe, then the model.

Free of torch and NumPy, so that a mistake is answered at once.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from generator.cli.gif_flags import DEFAULT_SCHEDULER
from generator.contract.bounds import draw_seed, scheduler_name
from generator.contract.control_types import annotator_of, parse_control
from generator.contract.errors import RequestError
from generator.contract.limits import ModelLimits
from generator.contract.messages import ChosenStage, Request
from generator.contract.stages import UPSCALE
from generator.recipes.foreign.convert import with_foreign
from generator.recipes.foreign.foreign_request import ForeignRecipe
from generator.recipes.recipe import Recipe

_T = TypeVar("_T")

STILLS = (".jpg", ".jpeg")
# Flags that are called as the request's own fields.
_SAME = (
    *("prompt", "negative_prompt", "seed", "width", "height", "video_length", "video_duration"),
    *("steps", "guidance_scale", "guidance_rescale", "guidance_start", "guidance_end"),
)
_SIZES = {
    "original_size": ("og_width", "og_height"),
    "target_size": ("target_width", "target_height"),
}


def build_request(
    arguments: Namespace,
    limits: ModelLimits,
    recipe: Recipe | None,
    foreign: ForeignRecipe | None = None,
) -> Request:
    """Return a complete request, unchecked. Raises RequestError for flags that contradict."""
    start = recipe.request if recipe else _defaults(limits, arguments.output)
    if foreign is not None:
        start = with_foreign(start, foreign, limits)
    overrides: dict[str, Any] = {
        name: value for name in _SAME if (value := getattr(arguments, name)) is not None
    }
    for name, flags in _SIZES.items():
        overrides[name] = _size(arguments, flags, getattr(start, name))
    request = replace(start, **overrides)
    if arguments.scheduler is not None:
        own = arguments.scheduler == DEFAULT_SCHEDULER
        name = limits.scheduler if own else scheduler_name(arguments.scheduler)
        request = replace(request, scheduler=name)
    if arguments.lora is not None:
        request = replace(request, loras=tuple(arguments.lora))
    request = _with_upscale(_with_image(request, arguments, limits), arguments, limits)
    return _with_controls(request, arguments, limits)


def check_request(request: Request, limits: ModelLimits) -> None:
    """Check all that can be told without loading anything. Raises HotshotError, one sentence."""
    limits.check(request)
    for control in request.controls:
        annotator_of(control.kind, control.annotator)


def _defaults(limits: ModelLimits, output: Path | None) -> Request:
    still = output is not None and output.suffix.lower() in STILLS
    return Request(
        prompt="",
        seed=draw_seed(),
        width=limits.native_edge,
        height=limits.native_edge,
        steps=limits.steps,
        guidance_scale=limits.guidance_scale,
        guidance_rescale=limits.guidance_rescale,
        scheduler=limits.scheduler,
        video_length=1 if still else 8,
    )


def _size(arguments: Namespace, flags: tuple[str, str], start: tuple[int, int]) -> tuple[int, int]:
    width, height = (getattr(arguments, flag) for flag in flags)
    return start[0] if width is None else width, start[1] if height is None else height


def _with_image(request: Request, arguments: Namespace, limits: ModelLimits) -> Request:
    image = request.image if arguments.image is None else arguments.image
    strength = arguments.image_strength
    if strength is not None and not image:
        raise RequestError("There is an image strength but no image; give --image.")
    if strength is None:
        strength = request.image_strength if request.image else limits.image_strength
    return replace(request, image=image, image_strength=strength)


def _with_upscale(request: Request, arguments: Namespace, limits: ModelLimits) -> Request:
    strength = arguments.upscale
    if strength is None:
        return request
    others = tuple(chosen for chosen in request.stages if chosen.name != UPSCALE)
    if strength == 0:
        return replace(request, stages=others)
    if strength is True:  # the flag alone
        strength = limits.upscale_strength
    return replace(request, stages=(*others, ChosenStage(UPSCALE, strength)))


def _with_controls(request: Request, arguments: Namespace, limits: ModelLimits) -> Request:
    source = request.control_source if arguments.gif is None else arguments.gif
    controls = request.controls
    if arguments.control_type is not None:
        scale = limits.controlnet_conditioning_scale
        controls = tuple(parse_control(kind, scale) for kind in arguments.control_type)
    changes: dict[str, tuple[str, Sequence[Any] | None]] = {
        "scale": ("conditioning scales", arguments.controlnet_conditioning_scale),
        "start": ("guidance starts", arguments.control_guidance_start),
        "end": ("guidance ends", arguments.control_guidance_end),
        "annotator": ("annotators", arguments.control_annotator),
    }
    for field, (called, values) in changes.items():
        each = _for_each(len(controls), called, values)
        pairs = zip(controls, each, strict=False)
        controls = tuple(replace(one, **{field: value}) for one, value in pairs) or controls
    return replace(request, control_source=source, controls=controls)


def _for_each(count: int, called: str, values: Sequence[_T] | None) -> list[_T]:
    """Return one value for each control; nothing where nothing was said."""
    if not values:
        return []
    if count == 0:
        raise RequestError(f"There are control {called} but no control type; give --control-type.")
    if len(values) not in (1, count):
        raise RequestError(
            f"There are {count} control types and {len(values)} {called}; give one for all, or "
            "one for each."
        )
    return list(values) * (count if len(values) == 1 else 1)
