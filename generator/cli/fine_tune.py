"""``hotshot fine-tune``: the temporal layers learn new motions. Checked before torch is loaded."""

from __future__ import annotations

import argparse
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from generator.cli import training_flags
from generator.contract.command_line import Parser, whole_number
from generator.training.console import is_main_process
from generator.training.settings import STOP, FineTuneSettings, RunSettings

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[Parser]

_DEFAULTS = RunSettings(output_dir=Path("output"))
_EXAMPLE = """\
example:
  hotshot fine-tune --pretrained-model-name-or-path nano --resolution 128 \\
    --data-dir fine_tune_dataset --output-dir zigzag --max-train-steps 300

A sample is a folder of numbered frames (0.jpg, 1.jpg, ...) with a prompt.txt. A data directory may
also hold GIFs and videos, which are cut into clips first (see hotshot dataset); their captions are
in a .txt or .caption file beside each, or in metadata.jsonl. The result is a model directory with
temporal_layers.safetensors in it. On several GPUs:
  accelerate launch -m generator.training.fine_tune ...
and in two processes on a CPU:
  ACCELERATE_USE_CPU=1 torchrun --nproc-per-node 2 -m generator.training.fine_tune ..."""


def add_to(subparsers: Subparsers) -> Parser:
    """Declares the sub-command and its flags."""
    parser = subparsers.add_parser(
        "fine-tune",
        help="teach a model new motions",
        description="Fine-tunes the temporal layers of a Hotshot-XL model.",
        epilog=_EXAMPLE,
    )
    _add_model_and_data(parser.add_argument_group("model and data"))
    _add_encoding(parser.add_argument_group("encoding"))
    _add_loss(parser.add_argument_group("what is learnt"))
    training_flags.add_run(parser, _DEFAULTS)
    return parser


def run(arguments: Namespace) -> None:
    """Trains, and prints where the result is; raises HotshotError."""
    output = training_flags.train(build_settings(arguments), _import_task, arguments)
    if is_main_process():
        print(f"{output}  (a model directory; hotshot gif --pretrained-path {output})")


def _import_task() -> training_flags.Task[FineTuneSettings]:
    from generator.training.fine_tune import fine_tune

    return fine_tune


def build_settings(arguments: Namespace) -> FineTuneSettings:
    return training_flags.training_settings(FineTuneSettings, arguments)


def _add_model_and_data(group: training_flags.Group) -> None:
    training_flags.add_model(group)
    training_flags.add_data_dir(group, "the samples")
    training_flags.add_bad_samples(group, STOP)
    training_flags.add_resolution(group)
    training_flags.add_aspect_ratio(group, "samples")
    group.add_argument(
        "--video-length",
        type=whole_number,
        metavar="N",
        help="frames per clip (default: as many as a folder has)",
    )


def _add_encoding(group: training_flags.Group) -> None:
    training_flags.add_switch(
        group, "--cache-latents", "encode each clip once and keep it on disk", default=True
    )
    training_flags.add_switch(
        group, "--cache-text", "encode each caption once and keep it on disk", default=True
    )
    group.add_argument(
        "--cache-dir", type=Path, metavar="DIR", help="(default: cache in the output directory)"
    )
    training_flags.add_switch(group, "--vae-b16", "encode in bf16")
    training_flags.add_number(
        group, "--max-vae-encode", None, "frames to encode at once (default: all)", whole=True
    )
    training_flags.add_switch(
        group,
        "--latent-nan-checking",
        "has no effect: latents are always checked, and a bad sample is named",
    )


def _add_loss(group: training_flags.Group) -> None:
    training_flags.add_number(group, "--caption-dropout", 0.1, "share of captions left out")
    training_flags.add_number(
        group, "--noise-offset", 0.05, "noise that is the same all over a clip"
    )
    training_flags.add_snr_gamma(group)
