"""Begins from what it is given, as an engine does: draws its mean colours, slowly, in its size."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.media.clip import Clip
from generator.media.save import save
from generator.recipes.recipe import ModelSettings, Recipe
from generator.sources.init_image import read_init_image
from generator.worker.engine import Engine
from tests.generator.engines import Loaded

STEP_SECONDS = 0.05


class Looks(Loaded):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        look = read_init_image(request, Path(request.image))
        for step in range(1, request.steps_made + 1):
            time.sleep(STEP_SECONDS)
            report("denoise", step, request.steps_made)
        shape = (request.video_length, request.height, request.width, 3)
        frames = np.full(shape, 20, np.uint8)
        if look is not None:
            frames[:] = look.mean(axis=(1, 2), keepdims=True).astype(np.uint8)
        frames[:, :8, :8] = 250  # so that the frames aren't all one colour
        recipe = Recipe(request=request, setup=ModelSettings()).to_json()
        save(Clip(frames, request.video_duration), output, recipe)


def create(*, model: str, device: str, precision: str) -> Engine:
    return Looks()
