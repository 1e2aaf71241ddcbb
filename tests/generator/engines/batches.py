"""Computes requests together, in steps of 20 ms; a prompt of one word says what goes wrong."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from generator.contract.errors import CancelledError, OutOfMemoryError
from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.contract.raw_clip import RawClip
from generator.worker.engine import Engine, EngineJob
from tests.generator.engines import Loaded

FAILS_TOGETHER = "crowded"
KILLED = "killed"
KILLED_TOGETHER = "killed-together"
STEP_SECONDS = 0.02


class Batches(Loaded):
    batch_pixels = 10**9

    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> RawClip:
        for step in range(1, request.steps + 1):
            time.sleep(STEP_SECONDS)
            report("denoise", step, request.steps)
        if request.prompt == KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        return _clip(request, "alone")

    def generate_together(self, jobs: Sequence[EngineJob]) -> None:
        first, left = jobs[0].request, list(jobs)
        for step in range(1, first.steps + 1):
            time.sleep(STEP_SECONDS)
            left = [job for job in left if _has_reported(job, step)]
            if first.prompt == FAILS_TOGETHER:
                raise OutOfMemoryError("There isn't enough memory for so many.")
        if first.prompt in (KILLED, KILLED_TOGETHER):
            os.kill(os.getpid(), signal.SIGKILL)
        for job in left:
            job.made_callback(_clip(job.request, f"one of {len(jobs)}"))


def _has_reported(job: EngineJob, step: int) -> bool:
    try:
        job.report("denoise", step, job.request.steps)
    except CancelledError:
        return False
    return True


def _clip(request: Request, how: str) -> RawClip:
    shape = (request.video_length, request.height, request.width, 3)
    frames = np.full(shape, request.seed % 256, np.uint8)
    return RawClip(frames.data, request.video_duration, comment=f"seed {request.seed}, {how}")


def create(*, model: str, device: str, precision: str) -> Engine:
    return Batches()
