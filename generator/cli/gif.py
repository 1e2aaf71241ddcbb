"""``hotshot gif``: one prompt becomes one file. Everything is checked before torch is imported."""

from __future__ import annotations

import argparse
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from generator.cli.parsing import Parser, device_name, number, whole_number
from generator.cli.progress import ProgressBar
from generator.limits import (
    MAX_SEED,
    NANO,
    SCHEDULERS,
    ModelLimits,
    draw_seed,
    local_path,
    scheduler_name,
)
from generator.media.output import SUFFIXES, check_output
from generator.protocol import Request

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[Parser]

_T = TypeVar("_T")

_PRECISIONS = ("auto", "f32", "f16", "bf16")
_DEFAULT_SCHEDULER = "default"
_STILLS = (".jpg", ".jpeg")
_EXAMPLE = """\
example:
  hotshot gif --prompt "a red ball bouncing on a beige background" --output ball.gif

A flag may be spelled with dashes or underscores. What is left out, the model decides."""


def add_to(subparsers: Subparsers) -> Parser:
    """Declares the sub-command and its flags."""
    parser = subparsers.add_parser(
        "gif", help="make a GIF from a prompt", description="Makes a GIF.", epilog=_EXAMPLE
    )
    _add_picture(parser)
    _add_sampling(parser)
    _add_size_conditioning(parser)
    _add_model(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Makes the file and prints where it is; raises HotshotError."""
    check_output(arguments.output)
    limits = ModelLimits.of(arguments.pretrained_path)
    request = build_request(arguments, limits)
    limits.check(request)
    if arguments.spatial_unet_base is not None:
        local_path(arguments.spatial_unet_base)
    _make(request, arguments)
    _tell(request, arguments.output)


def build_request(arguments: Namespace, limits: ModelLimits) -> Request:
    """The flags, with the model's defaults and a fresh seed where they say nothing."""
    still = arguments.output.suffix.lower() in _STILLS
    return Request(
        prompt=arguments.prompt,
        negative_prompt=arguments.negative_prompt,
        seed=_given(arguments.seed, draw_seed()),
        width=_given(arguments.width, limits.native_edge),
        height=_given(arguments.height, limits.native_edge),
        steps=_given(arguments.steps, limits.steps),
        guidance_scale=_given(arguments.guidance_scale, limits.guidance_scale),
        guidance_rescale=_given(arguments.guidance_rescale, limits.guidance_rescale),
        scheduler=_scheduler(arguments.scheduler, limits),
        video_length=_given(arguments.video_length, 1 if still else 8),
        video_duration=arguments.video_duration,
        original_size=(arguments.og_width, arguments.og_height),
        target_size=(arguments.target_width, arguments.target_height),
    )


def _scheduler(name: str, limits: ModelLimits) -> str:
    return limits.scheduler if name == _DEFAULT_SCHEDULER else scheduler_name(name)


def _given(value: _T | None, otherwise: _T) -> _T:
    return otherwise if value is None else value


def _make(request: Request, arguments: Namespace) -> None:
    # Imported here: torch takes seconds, and nobody should wait for those to hear of a typo.
    from generator.hotshot_engine import HotshotEngine

    with ProgressBar() as progress:
        progress.say(f"Loading {arguments.pretrained_path} ...")
        engine = HotshotEngine.load(
            model=arguments.pretrained_path,
            spatial_unet_base=arguments.spatial_unet_base,
            device=arguments.device,
            precision=arguments.precision,
        )
        progress.say(f"Making {_frames(request)} on {engine.device} in {engine.dtype} ...")
        engine.generate(request, arguments.output, progress)


def _tell(request: Request, output: Path) -> None:
    size = output.stat().st_size / 1000
    print(f"{output}  ({_frames(request)}, {size:.1f} kB, seed {request.seed})")


def _frames(request: Request) -> str:
    size = f"{request.width} x {request.height}"
    if request.video_length == 1:
        return f"one picture of {size}"
    return f"{request.video_length} frames of {size} in {request.video_duration} ms"


def _add_picture(parser: Parser) -> None:
    group = parser.add_argument_group("the picture")
    group.add_argument("--prompt", required=True, metavar="TEXT", help="what to show")
    group.add_argument(
        "--negative-prompt", default="", metavar="TEXT", help="what not to show (default: nothing)"
    )
    group.add_argument(
        "--output",
        required=True,
        type=Path,
        metavar="FILE",
        help=f"where to write; the extension decides the format: {' '.join(SUFFIXES)}",
    )
    _add_numbers(
        group,
        ("--width", "pixels, a multiple of 8 (default: the model's size; 128 for nano)"),
        ("--height", "likewise"),
        ("--video-length", "frames (default: 8, and 1 for .jpg)"),
    )
    group.add_argument(
        "--video-duration",
        type=whole_number,
        default=1000,
        metavar="MS",
        help="milliseconds for all frames together (default: %(default)s)",
    )


def _add_sampling(parser: Parser) -> None:
    group = parser.add_argument_group("how it is made")
    _add_numbers(
        group,
        ("--seed", f"the same seed makes the same file again, 0 to {MAX_SEED} (default: drawn)"),
        ("--steps", "denoising steps (default: the model's)"),
    )
    for flag, meaning in (
        ("--guidance-scale", "how closely to follow the prompt (default: the model's)"),
        ("--guidance-rescale", "against overexposure by guidance, 0 to 1 (default: the model's)"),
    ):
        group.add_argument(flag, type=number, metavar="X", help=meaning)
    group.add_argument(
        "--scheduler",
        default=_DEFAULT_SCHEDULER,
        metavar="NAME",
        help=f"{', '.join(SCHEDULERS)}, or its diffusers class name (default: the model's)",
    )


def _add_size_conditioning(parser: Parser) -> None:
    group = parser.add_argument_group("size conditioning (what SDXL is told of the picture's past)")
    for flag, default in (
        ("--og-width", 1920),
        ("--og-height", 1080),
        ("--target-width", 512),
        ("--target-height", 512),
    ):
        group.add_argument(
            flag, type=whole_number, default=default, metavar="N", help="(default: %(default)s)"
        )


def _add_model(parser: Parser) -> None:
    group = parser.add_argument_group("the model")
    group.add_argument(
        "--pretrained-path",
        default=NANO,
        metavar="MODEL",
        help="nano, a directory in Hotshot-XL's layout, or a hub id (default: %(default)s)",
    )
    group.add_argument(
        "--spatial-unet-base",
        metavar="MODEL",
        help="an SDXL whose pictures to set in motion: its spatial layers replace the model's",
    )
    group.add_argument(
        "--precision",
        choices=_PRECISIONS,
        default="auto",
        help="what to compute in (default: %(default)s)",
    )
    group.add_argument(
        "--device",
        type=device_name,
        default="auto",
        metavar="NAME",
        help="auto, cpu, mps, cuda or cuda:N (default: %(default)s)",
    )


def _add_numbers(group: argparse._ArgumentGroup, *flags: tuple[str, str]) -> None:
    for flag, meaning in flags:
        group.add_argument(flag, type=whole_number, metavar="N", help=meaning)
