"""Computes noise at once, steps of 20 ms where it is asked for more than one; a file takes long."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.contract.raw_clip import RawClip
from generator.worker.engine import Engine
from tests.generator.engines import Loaded


def noise(frames: int, edge: int) -> RawClip:
    """The worst case for every encoder: 16 frames of 256 take a GIF more than a CPU second."""
    levels = np.random.default_rng(frames).integers(0, 256, (frames, edge, edge, 3), np.uint8)
    return RawClip(levels.data, 100 * frames, comment=f"{frames} frames of noise")


class Clips(Loaded):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> RawClip:
        for step in range(1, request.steps + 1):
            time.sleep(0.02 if request.steps > 1 else 0)
            report("denoise", step, request.steps)
        return noise(request.video_length, request.width)


def create(*, model: str, device: str, precision: str) -> Engine:
    return Clips()
