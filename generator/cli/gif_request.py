"""From the flags of ``hotshot gif`` to a request: flags first, then a recipe, then the model.

Free of torch and NumPy, so that a mistake is answered at once.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from generator.cli.gif_flags import given_options
from generator.cli.gif_loras import few_steps_of, named_few_steps
from generator.contract.control_types import annotator_of, parse_control
from generator.contract.errors import RequestError
from generator.contract.few_steps import FewSteps, with_sampling
from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.contract.options.gif_options import GifOptions
from generator.contract.stages import UPSCALE
from generator.recipes.foreign.convert import with_foreign
from generator.recipes.foreign.foreign_request import ForeignRecipe
from generator.recipes.recipe import Recipe

_T = TypeVar("_T")

STILLS = (".jpg", ".jpeg")


def build_request(
    arguments: Namespace,
    limits: ModelLimits,
    recipe: Recipe | None,
    foreign: ForeignRecipe | None = None,
) -> Request:
    """Return a complete request, unchecked. Raises RequestError for flags that contradict."""
    options = given_options(arguments)
    start = recipe.request if recipe else _default_request(limits, arguments.output)
    if foreign is not None:
        start = with_foreign(start, foreign, limits)
    few = _few_steps(options, start)
    if few is None and options.loras is not None and named_few_steps(start.loras) is not None:
        start = with_sampling(start, limits, None, None)  # what one brought goes with it
    request = options.to_request(limits, start, few)
    request = _with_upscale(_with_image(request, options, limits), options, limits)
    strengths = arguments.controlnet_conditioning_scale or ()
    by_frame = [value if isinstance(value, str) else "" for value in strengths]
    return _with_controls(request, options, by_frame, limits)


def check_request(request: Request, limits: ModelLimits) -> None:
    """Check all that can be told without loading anything. Raises HotshotError, one sentence."""
    limits.check(request)
    for control in request.controls:
        annotator_of(control.kind, control.annotator)


def _few_steps(options: GifOptions[str], start: Request) -> FewSteps | None:
    """Return what a distilled LoRA brings.

    A recipe's numbers hold, unless other LoRAs or another quality were given.
    """
    if options.loras is None and options.quality is None:
        return None
    return few_steps_of(start.loras if options.loras is None else options.loras)


def _default_request(limits: ModelLimits, output: Path | None) -> Request:
    is_still = output is not None and output.suffix.lower() in STILLS
    return GifOptions[str](frames=1 if is_still else None).to_request(limits)


def _with_image(request: Request, options: GifOptions[str], limits: ModelLimits) -> Request:
    image = request.image if options.image is None else options.image
    if options.image_strength is not None and not image:
        raise RequestError("There is an image strength but no image; give --image.")
    if options.image_strength is None and not request.image:
        request = replace(request, image_strength=limits.image_strength)
    request = replace(request, image=image)
    return request.without_image() if options.image == "" else request


def _with_upscale(request: Request, options: GifOptions[str], limits: ModelLimits) -> Request:
    strength = options.upscale
    if strength is None:
        return request
    others = tuple(chosen for chosen in request.stages if chosen.name != UPSCALE)
    if strength == 0:
        return replace(request, stages=others)
    chosen = limits.upscale_stage(None if strength is True else strength)  # True: the flag alone
    return replace(request, stages=(*others, chosen))


def _with_controls(
    request: Request, options: GifOptions[str], by_frame: Sequence[str], limits: ModelLimits
) -> Request:
    source = request.control_source if options.control_gif is None else options.control_gif
    controls = request.controls
    if options.control_type is not None:
        scale = limits.controlnet_conditioning_scale
        controls = tuple(parse_control(kind, scale) for kind in options.control_type)
        source = source if controls else options.control_gif or ""
    changes: dict[str, tuple[str, Sequence[Any] | None]] = {
        "scale": ("conditioning scales", options.control_strength),
        "scales": ("conditioning scales", by_frame),
        "start": ("guidance starts", options.control_start),
        "end": ("guidance ends", options.control_end),
        "annotator": ("annotators", options.control_annotator),
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
