"""Makes a GIF of what ``PICTURE`` of the environment names where a portrait is asked for.

Whatever else is asked for is a red box.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.media.clip import Clip
from generator.media.save import save
from generator.recipes.recipe import ModelSettings, Recipe
from generator.worker.engine import Engine
from tests.bot.engines.draws import Draws

PICTURE = "HOTSHOT_TEST_PICTURE"


class Portrait(Draws):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        if "portrait" not in request.prompt:
            super().generate(request, output, report)
            return
        with Image.open(os.environ[PICTURE]) as picture:
            frame = np.asarray(picture.convert("RGB"))
        frames = np.stack([np.roll(frame, 4 * index, 1) for index in range(request.video_length)])
        recipe = Recipe(request=request, setup=ModelSettings()).to_json()
        save(Clip(frames, request.video_duration), output, recipe)


def create(**settings: Any) -> Engine:
    del settings  # any config will do
    return Portrait()
