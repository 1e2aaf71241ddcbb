"""Long clips by nano: frames a second and peak memory at each length and motion.

Each is a process of its own, since a process's peak never goes down again. The peak is that of
making the frames, above the loaded model, less the clip's own latents and frames. glibc is told to
give large blocks back at once: what it would keep for later, up to twice as much from one run to
the next, is nobody's need.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import torch

from benchmarks.nano_request import nano_request
from benchmarks.table import print_table
from generator.contract.limits import NANO
from generator.contract.messages import Request
from generator.contract.windows import MOTIONS, frames_computed
from generator.inference.pipeline import HotshotPipeline
from generator.model.loading import load_model

LENGTHS = (8, 32, 64, 128)
_LATENT_BYTES = 16  # of a place: four channels of float32


def run() -> None:
    """Measure every length and motion; eight frames are one window, whatever the motion."""
    rows = []
    for motion in MOTIONS:
        for frames in LENGTHS:
            said = _measured(motion, frames)
            computed, seconds = said["computed"], said["seconds"]
            rows.append((motion, str(frames), f"{frames / seconds:.1f}", f"{computed / frames:.1f}",
                         f"{computed / seconds:.0f}", f"{said['peak_mb']:.0f}"))  # fmt: skip
    print_table(
        "long clips by nano, at its own size and settings",
        ("motion", "frames", "frames a second", "times computed",
         "frames computed a second", "peak memory, MB"),
        rows,
    )  # fmt: skip


def _measured(motion: str, frames: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.clips", motion, str(frames)]
    given_back = os.environ | {"MALLOC_MMAP_THRESHOLD_": str(128 << 10)}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=given_back)  # noqa: S603 - this module
    said: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return said


def _measure(motion: str, frames: int) -> dict[str, float]:
    model = load_model(NANO, device=torch.device("cpu"), dtype=torch.float32)
    request = replace(nano_request(), video_length=frames, motion=motion)
    loaded = psutil.Process().memory_info().rss
    started = time.perf_counter()
    made = HotshotPipeline(model)(request, report=lambda *_: None)
    seconds = time.perf_counter() - started
    own = made.nbytes + _latent_bytes(request)
    return {
        "seconds": seconds,
        "computed": frames_computed(request),
        "peak_mb": (_peak() - loaded - own) / 1e6,
    }


def _latent_bytes(request: Request) -> int:
    return request.video_length * request.width * request.height // 64 * _LATENT_BYTES


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(json.dumps(_measure(sys.argv[1], int(sys.argv[2]))))
    else:
        run()
