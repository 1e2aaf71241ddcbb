"""An engine that takes its time as a model would, with noise and a cold start; it only sleeps."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import numpy as np

from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.media.clip import Clip
from generator.media.save import save
from generator.worker.engine import Engine

_NOISE = 0.08  # of a job, as the spread of a logarithm
_STEP_NOISE = 0.2
_COLD = 3.0  # times as long takes the first job
_STEP = 0.008  # seconds, for 8 frames of 512 x 512


class Paced:
    device = "cpu"
    dtype = "float32"
    limits = ModelLimits()
    memory_bytes = 0

    def __init__(self) -> None:
        self._chance = random.Random(7)
        self._slow = _COLD

    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        """Sleeps before, in and after the steps; then draws something small that moves."""
        slow = self._slow * self._chance.lognormvariate(0, _NOISE)
        self._slow = 1.0
        work = request.video_length * request.width * request.height / (8 * 512 * 512)
        time.sleep((0.1 + 0.1 * bool(request.image) + 0.1 * len(request.loras)) * slow)
        report("encode_prompt", 1, 1)
        each = _STEP * work**0.8 * (1 + 0.5 * len(request.controls))  # no model is quite linear
        for step in range(1, request.steps_made + 1):
            time.sleep(each * slow * self._chance.lognormvariate(0, _STEP_NOISE))
            report("denoise", step, request.steps_made)
        time.sleep((0.05 + 0.15 * work) * slow)
        report("decode", 1, 1)
        frames = np.zeros((request.video_length, 32, 32, 3), np.uint8)
        for index, frame in enumerate(frames):
            frame[:, index % 32] = 255
        save(Clip(frames, request.video_duration), output)


def create(**settings: Any) -> Engine:
    """An engine factory that loads nothing."""
    del settings
    return Paced()
