"""``hotshot dataset``: films and GIFs become samples to fine-tune on. Free of torch."""

from __future__ import annotations

import argparse
from argparse import Namespace
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from generator.cli import training_flags
from generator.cli.progress_bar import ProgressBar
from generator.contract.command_line import Parser, number, whole_number
from generator.training.settings import SKIP, DatasetSettings

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[Parser]

_EXAMPLE = """\
example:
  hotshot dataset --data-dir films --output-dir fine_tune_dataset --resolution 512

A film's caption is in a .txt or .caption file of the same name, or in metadata.jsonl (or .csv),
with lines such as
  {"file_name": "ball.gif", "text": "a red ball bouncing"}
Films in a folder such as "10_a ball" count ten times in an epoch, and "a ball" is the caption of
those that have none."""


def add_to(subparsers: Subparsers) -> Parser:
    """Declares the sub-command and its flags."""
    parser = subparsers.add_parser(
        "dataset",
        help="cut videos and GIFs into samples",
        description="Cuts films and GIFs into clips of key frames at the sizes of training.",
        epilog=_EXAMPLE,
    )
    _add_places(parser.add_argument_group("input and output"))
    _add_cutting(parser.add_argument_group("how films are cut"))
    return parser


def run(arguments: Namespace) -> None:
    """Cuts, and prints what came of it; raises HotshotError."""
    settings = training_flags.settings_of(
        DatasetSettings, arguments, duration_ms=arguments.video_duration
    )
    settings.check()
    # Imported here: NumPy isn't needed to say that a directory is missing.
    from generator.training.data.dataset import SHEET_FILE, cut_films

    with closing(ProgressBar()) as progress:
        summary = cut_films(settings, progress)
    for name, reason in summary.dropped:
        print(f"dropped {name}: {reason}")
    for (width, height), count in sorted(summary.sizes.items()):
        print(f"{_clips(count)} of {width} x {height}")
    print(f"{settings.output_dir}  ({_clips(len(summary.clips))}; look at {SHEET_FILE})")


def _clips(count: int) -> str:
    return "1 clip" if count == 1 else f"{count} clips"


def _add_places(group: training_flags.Group) -> None:
    group.add_argument(
        "--data-dir", type=Path, required=True, metavar="DIR", help="where the videos and GIFs are"
    )
    group.add_argument(
        "--output-dir", type=Path, required=True, metavar="DIR", help="a new or empty directory"
    )
    group.add_argument(
        "--captions", type=Path, metavar="FILE", help="JSONL or CSV (default: metadata.jsonl)"
    )
    training_flags.add_bad_samples(group, SKIP)


def _add_cutting(group: training_flags.Group) -> None:
    group.add_argument(
        "--resolution", type=whole_number, default=512, metavar="N", help="(default: %(default)s)"
    )
    training_flags.add_aspect_ratio(group, "clips")
    group.add_argument(
        "--frames", type=whole_number, default=8, metavar="N", help="frames per clip (default: 8)"
    )
    group.add_argument(
        "--video-duration",
        type=whole_number,
        default=1000,
        metavar="MS",
        help="length of a clip, in milliseconds (default: %(default)s)",
    )
    group.add_argument(
        "--stillness",
        type=number,
        default=0.5,
        metavar="X",
        help="drop clips that change less, in levels of 255 (default: %(default)s)",
    )
    group.add_argument(
        "--cut",
        type=number,
        default=0.5,
        metavar="X",
        help="start a new scene where this share of the colours changes at once (default: 0.5)",
    )
    group.add_argument(
        "--max-clips",
        type=whole_number,
        metavar="N",
        help="at most so many of each video (default: all)",
    )
