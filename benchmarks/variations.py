"""Four variations of one prompt, computed together, beside four single ones by the same pipeline.

They take turns, so that both meet the same machine; medians.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from benchmarks import midsize
from benchmarks.table import print_table
from generator.contract.limits import NANO, ModelLimits
from generator.contract.messages import Request
from generator.inference.batch_size import batch_pixels
from generator.inference.pipeline import HotshotPipeline, Variation
from generator.model.devices import choose_device
from generator.model.loading import load_model

_COUNT = 4
_STEPS = 3  # what a clip takes is steps, and its one decoding
_ROUNDS = 3


def run() -> None:
    choice = choose_device("auto", "auto")
    with tempfile.TemporaryDirectory() as directory:
        midsize.write(Path(directory))
        nano = HotshotPipeline(load_model(NANO, device=choice.device, dtype=choice.dtype))
        middle = HotshotPipeline(load_model(directory, device=choice.device, dtype=choice.dtype))
        small = replace(midsize.REQUEST, width=128, height=128, steps=_STEPS)
        print_table(
            f"four variations of one prompt, {_STEPS} steps, on {choice.device}: seconds (medians)",
            ("", "four single ones", "together", "of the time", "a worker has them together"),
            [
                _row("nano, 8 frames of 128 x 128", nano, _nano_request()),
                _row("nano, one frame", nano, replace(_nano_request(), video_length=1)),
                _row("mid-size, 8 frames of 128 x 128", middle, small),
                _row("mid-size, one frame of 128 x 128", middle, replace(small, video_length=1)),
                _row(
                    "mid-size, 8 frames of 256 x 256", middle, replace(small, width=256, height=256)
                ),
            ],
        )


def _row(name: str, pipeline: HotshotPipeline, request: Request) -> tuple[str, ...]:
    seeds = list(range(1, _COUNT + 1))
    _seconds(lambda: _make(pipeline, request, [0]))
    alone, together = [], []
    for _ in range(_ROUNDS):
        alone.append(sum(_seconds(partial(_make, pipeline, request, [seed])) for seed in seeds))
        together.append(_seconds(lambda: _make(pipeline, request, seeds)))
    one, other = statistics.median(alone), statistics.median(together)
    pixels = _COUNT * request.video_length * request.width * request.height
    has_room = "yes" if pixels <= batch_pixels(pipeline.model) else "no"
    return name, f"{one:.2f}", f"{other:.2f}", f"{other / one:.2f}", has_room


def _make(pipeline: HotshotPipeline, request: Request, seeds: list[int]) -> None:
    variations = [Variation(seed, lambda *_: None, lambda _: None) for seed in seeds]
    pipeline.make_variations(request, variations)


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _nano_request() -> Request:
    limits = ModelLimits.of(NANO)
    return replace(
        midsize.REQUEST,
        width=limits.native_edge,
        height=limits.native_edge,
        steps=_STEPS,
        guidance_scale=limits.guidance_scale,
        guidance_rescale=limits.guidance_rescale,
        scheduler=limits.scheduler,
    )


if __name__ == "__main__":
    run()
