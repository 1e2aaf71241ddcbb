"""Makes real GIFs that don't compress: 8 frames of noise, about 600 kB."""

from __future__ import annotations

import random
from pathlib import Path

from PIL import Image

from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.worker.engine import Engine
from tests.generator.engines import Loaded

EDGE = 256


class Noisy(Loaded):
    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> None:
        chance = random.Random(request.seed)
        frames = [Image.frombytes("P", (EDGE, EDGE), chance.randbytes(EDGE**2)) for _ in range(8)]
        palette = chance.randbytes(768)
        for frame in frames:
            frame.putpalette(palette)
        frames[0].save(output, save_all=True, append_images=frames[1:], duration=120, loop=0)


def create(*, model: str, device: str, precision: str) -> Engine:
    return Noisy()
