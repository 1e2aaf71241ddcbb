"""Draws a real picture that moves, and writes what it was asked into the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.media.clip import Clip
from generator.media.save import save
from generator.recipes.recipe import ModelSettings, Recipe
from generator.worker.engine import Engine
from tests.generator.engines import Loaded


class Draws(Loaded):
    clip_pixels = 128 * 512 * 512  # its machine has no more memory

    def colour(self, request: Request) -> tuple[int, int, int]:
        """What moves is red, unless somebody asks otherwise."""
        return (60, 60, 220) if "blue" in request.prompt else (220, 60, 60)

    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        for step in range(1, request.steps + 1):
            report("denoise", step, request.steps)
        colour = self.colour(request)
        frames = np.full((request.video_length, 64, 96, 3), 20, np.uint8)
        for index, frame in enumerate(frames):
            left = 4 + index * 4
            frame[20:40, left : left + 16] = colour
        save(
            Clip(frames, request.video_duration),
            output,
            Recipe(request=request, setup=ModelSettings()).to_json(),
        )


def create(**settings: Any) -> Engine:
    del settings  # any config will do
    return Draws()
