"""``hotshot warm-up``: makes a model's kernels before anybody waits for them."""

from __future__ import annotations

import argparse
import time
from argparse import Namespace
from typing import TYPE_CHECKING

from generator.cli.gif_flags import PRECISIONS
from generator.cli.parsing import device_name
from generator.contract.command_line import Parser
from generator.contract.limits import NANO, ModelLimits
from generator.contract.messages import Request
from generator.contract.worker_settings import COMPILE_ALWAYS
from generator.recipes.recipe import ModelSettings

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[Parser]

_EXAMPLE = """\
examples:
  hotshot warm-up --pretrained-path hotshotco/Hotshot-XL     after installing or updating

Kernels are stored below ~/.cache/hotshot, or where XDG_CACHE_HOME says, by card and by version of
PyTorch and of Hotshot. On a GPU they fit every size, on a CPU only the one that you name."""


def add_to(subparsers: Subparsers) -> Parser:
    """Declare the sub-command and its flags."""
    parser = subparsers.add_parser(
        "warm-up",
        help="compile a model's kernels for this machine's GPU beforehand",
        description="Compiles the kernels that a model's steps are computed with, and stores them.",
        epilog=_EXAMPLE,
    )
    parser.add_argument(
        "--pretrained-path", default=NANO, metavar="MODEL", help="as in hotshot gif (default: nano)"
    )
    parser.add_argument("--precision", choices=PRECISIONS, default="auto")
    parser.add_argument("--device", type=device_name, default="auto", metavar="NAME")
    parser.add_argument("--width", type=int, metavar="PIXELS", help="default: the model's own")
    parser.add_argument("--height", type=int, metavar="PIXELS", help="default: the model's own")
    return parser


def run(arguments: Namespace) -> None:
    """Make clips of one step, short and long. Raises HotshotError."""
    from generator.inference.hotshot_engine import HotshotEngine  # torch takes seconds

    limits = ModelLimits.of(arguments.pretrained_path)
    settings = ModelSettings(model=arguments.pretrained_path, precision=arguments.precision)
    engine = HotshotEngine.load(settings, device=arguments.device, compile_mode=COMPILE_ALWAYS)
    edge = limits.native_edge
    for frames in sorted({1, min(8, limits.max_frames), limits.max_frames}):
        request = Request(
            prompt="warm-up",
            seed=0,
            width=arguments.width or edge,
            height=arguments.height or edge,
            steps=1,
            guidance_scale=limits.guidance_scale,
            video_length=frames,
        )
        engine.limits.check(request)
        began = time.monotonic()
        engine.pipeline.latents(request, report=lambda *_: None)
        what = "one picture" if frames == 1 else f"{frames} frames"
        print(f"{what}: {time.monotonic() - began:.1f} s", flush=True)
    print("GIFs use these kernels from now on.")
