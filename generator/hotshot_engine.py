"""The real engine: Hotshot-XL and the files it makes. Imports torch; a worker names it by string.

Puts together what is chosen (device), loaded (model), made (frames) and written (file), and turns
what the libraries throw into sentences. Knows nothing of processes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import diffusers.utils.logging
import torch
import transformers.utils.logging

from generator import devices
from generator.engine import Engine, Report
from generator.errors import OutOfMemoryError
from generator.hotshot.loading import load_model
from generator.hotshot.pipeline import HotshotPipeline
from generator.limits import ModelLimits
from generator.media.clip import Clip
from generator.media.output import check_output
from generator.media.save import save
from generator.protocol import Request

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HotshotEngine:
    """A loaded model that makes one file after another."""

    pipeline: HotshotPipeline
    limits: ModelLimits

    @classmethod
    def load(
        cls, *, model: str, device: str, precision: str, spatial_unet_base: str | None = None
    ) -> Self:
        """Raises ModelError, OutOfMemoryError or RequestError (no such device), a sentence each."""
        _quiet_libraries()
        choice = devices.choose(device, precision)
        limits = ModelLimits.of(model)
        with _room_for(model, choice):
            loaded = load_model(
                model, spatial_unet_base=spatial_unet_base, device=choice.device, dtype=choice.dtype
            )
        return cls(HotshotPipeline(loaded), limits)

    @property
    def device(self) -> str:
        return str(self.pipeline.model.device)

    @property
    def dtype(self) -> str:
        return str(self.pipeline.model.dtype).removeprefix("torch.")

    def generate(self, request: Request, output: Path, report: Report) -> None:
        """Checks, makes and writes; reports a last stage ``save`` before the file is written.

        That is also the last moment to cancel: a file in its place is a finished job.
        """
        check_output(output)
        self.limits.check(request)
        began = time.perf_counter()
        frames = self.pipeline(request, report=report)
        report("save", 0, 1)
        save(Clip(frames, request.video_duration), output)
        logger.info("made %s in %.1f s", output.name, time.perf_counter() - began)


def create(*, model: str, device: str, precision: str) -> Engine:
    """An EngineFactory."""
    return HotshotEngine.load(model=model, device=device, precision=precision)


@contextmanager
def _room_for(model: str, choice: devices.Choice) -> Iterator[None]:
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        # On a CPU torch has no error of its own for this, only words.
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        raise OutOfMemoryError(
            f"The model {model} doesn't fit into the memory of {choice.device}; "
            "choose another device, a smaller precision or a smaller model."
        ) from error


def _quiet_libraries() -> None:
    """Their bars and hints are for people at a keyboard with their code in view."""
    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.disable_progress_bar()
        library.set_verbosity_error()
