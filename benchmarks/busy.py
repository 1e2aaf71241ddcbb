"""Engines that take a fixed time and note in their GIFs when they worked.

One keeps every core busy, one none, as where a card computes.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.contract.raw_clip import RawClip
from generator.media.comment import comment_of
from generator.worker.engine import Engine

STEP_SECONDS = 0.05
_EDGE = 768
_FRAMES, _CLIP_EDGE = 8, 64


class Busy:
    """``steps`` times ``STEP_SECONDS`` of matrix products, on as many threads as BLAS takes; of
    sleep where it ``has_card``.
    """

    device = "cpu"
    dtype = "float32"
    limits = ModelLimits()
    memory_bytes = 0

    def __init__(self, *, has_card: bool = False) -> None:
        self._has_card = has_card
        self._matrix = np.random.default_rng(0).random((_EDGE, _EDGE), dtype=np.float32)

    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> RawClip:
        """Returns a small clip, which says when it began and ended (monotonic seconds)."""
        del output  # others write it
        began = time.monotonic()
        for step in range(1, request.steps + 1):
            until = time.monotonic() + STEP_SECONDS
            if self._has_card:
                time.sleep(STEP_SECONDS)
            while time.monotonic() < until:
                np.dot(self._matrix, self._matrix)
            report("denoise", step, request.steps)
        frames = np.zeros((_FRAMES, _CLIP_EDGE, _CLIP_EDGE, 3), np.uint8)
        for number, frame in enumerate(frames):
            frame[8 * number : 8 * number + 8] = 255
        span = json.dumps({"began": began, "ended": time.monotonic()})
        return RawClip(frames.data, request.video_duration, comment=span)


def span_of(gif: bytes) -> tuple[float, float]:
    """When the worker began and ended a job, by a clock that all processes share."""
    span = json.loads(comment_of(gif))
    return span["began"], span["ended"]


def create(*, model: str, device: str, precision: str) -> Engine:
    """An engine factory that loads nothing."""
    del model, device, precision
    return Busy()


def create_with_card(**_: Any) -> Engine:
    """An engine factory that loads nothing, and leaves the cores to others."""
    return Busy(has_card=True)
