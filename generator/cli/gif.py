"""``hotshot gif``: one prompt becomes one file. Everything is checked before torch is imported."""

from __future__ import annotations

import argparse
import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from generator.checkpoints.inspect.base_check import check_base
from generator.cli import gif_flags
from generator.cli.gif_loras import check_loras, with_tags
from generator.cli.gif_request import build_request, check_request
from generator.contract.command_line import Parser, UsageError
from generator.contract.errors import MediaError, RequestError
from generator.contract.limits import NANO, ModelLimits, local_path
from generator.contract.messages import Request
from generator.contract.options.spec import NONE
from generator.contract.travel import all_keys
from generator.contract.windows import plan_of
from generator.media.output import check_output
from generator.recipes.foreign.convert import read_foreign_recipe
from generator.recipes.foreign.foreign_request import ForeignRecipe
from generator.recipes.recipe import ModelSettings, Recipe, read_recipe
from generator.recipes.trust import check_trusted

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[Parser]

_PROGRAM = "hotshot gif"
# What of a recipe is opened, and the flag that names another.
_REPLACED = {
    "model": "pretrained_path",
    "spatial_unet_base": "spatial_unet_base",
    "depth_model": "depth_model",
    "loras": "lora",
    "controls": "control_type",
    "control_source": "gif",
    "image": "image",
}


def add_to(subparsers: Subparsers) -> Parser:
    """Declare the sub-command and its flags."""
    parser = subparsers.add_parser(
        "gif",
        usage="%(prog)s --prompt TEXT --output FILE [FLAG ...]",
        help="make a GIF, video or picture from a prompt",
        description="Makes a GIF, WebP, MP4, PNG or JPEG from a prompt.",
        epilog=gif_flags.EXAMPLES,
    )
    gif_flags.add_all(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Make the file and print where it is. Raises HotshotError."""
    if arguments.offline:
        os.environ["HF_HUB_OFFLINE"] = "1"  # read when the hub's library is imported
    _check_needed(arguments)
    for path in filter(None, (arguments.output, arguments.control_preview)):
        check_output(path, makes_directory=True)
    recipe, foreign = _read_recipe(arguments)
    setup = _setup(arguments, recipe)
    limits = ModelLimits.of(setup.model)
    request = build_request(arguments, limits, recipe, foreign)
    idle = bool(arguments.gif) and not request.controls  # as the original did, passed over
    if idle:
        request = replace(request, control_source="")
    if arguments.prompt is not None or foreign is not None:
        request = with_tags(request)
    check_request(request, limits)
    check_loras(request.loras, setup.model)
    if setup.spatial_unet_base and (base := local_path(setup.spatial_unet_base)) is not None:
        check_base(base)
    if arguments.max_bytes is not None and arguments.max_bytes < 1:
        raise RequestError("The most bytes must be 1 or more.")
    if arguments.control_preview and not request.controls:
        raise RequestError("There is no control type to preview; give --control-type and --gif.")
    from generator.cli.gif_generation import make  # NumPy, and where it is needed torch

    for note in _notes(arguments, setup, request, idle_source=idle):
        print(note, file=sys.stderr, flush=True)
    make(request, setup, arguments, recipe)


def _notes(
    arguments: Namespace, setup: ModelSettings, request: Request, *, idle_source: bool
) -> Iterator[str]:
    """Yield what somebody may have meant otherwise, said once nothing is in the way any more."""
    if arguments.autocast:
        yield "--autocast has no effect: --precision decides instead."
    if idle_source:
        yield (
            "--gif is ignored, since there is no --control-type (depth, canny, loose, or "
            "a ControlNet's path or hub id)."
        )
    if request.motion and plan_of(request) is None:
        yield (
            f"{request.video_length} frames are one window of {request.window}, so --motion "
            f"{request.motion} has no effect; ask for more frames with --video-length."
        )
    if setup.model == NANO and arguments.pretrained_path is None and not request.loras:
        from generator.nano.unknown_words import find_unknown_words
        from generator.nano.vocabulary import is_japanese

        keys = all_keys(request.prompt, request.video_length)
        if any(is_japanese(key.text) for key in keys):
            yield (
                "nano, the small model that ships, doesn't understand Japanese; write the prompt "
                "in English, German, French or Spanish."
            )
        elif words := [word for key in keys for word in find_unknown_words(key.text)]:
            yield (
                "This is nano, the small model that ships: it draws one or two objects (balls, "
                "squares, triangles, stars) on a plain background, understands English, German, "
                f"French and Spanish, and can't show {_some_of(words)}. For a real model "
                "give --pretrained-path hotshotco/Hotshot-XL (7 GB, for a GPU; see hotshot model "
                "fetch)."
            )


def _some_of(words: Sequence[str]) -> str:
    return ", ".join(repr(word[:20]) for word in words[:3])


def _check_needed(arguments: Namespace) -> None:
    needed = {
        "--prompt": arguments.prompt is None and arguments.recipe is None,
        "--output": arguments.output is None and arguments.control_preview is None,
    }
    missing = [flag for flag, lacks in needed.items() if lacks]
    if missing:
        raise UsageError(
            _PROGRAM,
            f"the following arguments are required: {', '.join(missing)}; see {_PROGRAM} --help.",
        )


def _read_recipe(arguments: Namespace) -> tuple[Recipe | None, ForeignRecipe | None]:
    """Return the recipe in the file that is to be made again: Hotshot's, or another program's."""
    path = arguments.recipe
    if path is None:
        return None, None
    recipe = read_recipe(path)
    if recipe is None:
        foreign = read_foreign_recipe(path)
        if foreign is None:
            raise MediaError(
                f"{path} has no recipe from Hotshot, Automatic1111 or ComfyUI; describe "
                "the GIF with --prompt."
            )
        return None, foreign
    if not arguments.trust:
        overrides = {flag for flag in _REPLACED.values() if getattr(arguments, flag) is not None}
        check_trusted(recipe, {field for field, flag in _REPLACED.items() if flag in overrides})
    return recipe, None


def _setup(arguments: Namespace, recipe: Recipe | None) -> ModelSettings:
    """Return the recipe's, or else the default, but for what the flags say."""
    flags: dict[str, Any] = {
        "model": arguments.pretrained_path,
        "spatial_unet_base": arguments.spatial_unet_base,
        "unet_only": arguments.unet_only,
        "prediction_type": arguments.prediction_type,
        "precision": arguments.precision,
        "depth_model": arguments.depth_model,
    }
    overrides: dict[str, Any] = {
        name: "" if value == NONE else value for name, value in flags.items() if value is not None
    }
    return replace(recipe.setup if recipe else ModelSettings(), **overrides)
