"""What an engine is: the thing inside a worker that turns a request into frames. No torch here.

The worker and its tests know engines by these protocols alone;
``generator.inference.hotshot_engine`` has the real one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.contract.progress import JobProgressCallback
from generator.contract.raw_clip import RawClip


class Engine(Protocol):
    """Holds a loaded model; makes one request at a time."""

    @property
    def device(self) -> str:
        """Where the model lives, such as ``cpu`` or ``cuda:0``."""

    @property
    def dtype(self) -> str:
        """What it computes in, such as ``float32``."""

    @property
    def limits(self) -> ModelLimits:
        """What the model can be asked for."""

    @property
    def memory_bytes(self) -> int:
        """The memory that the device has in all; 0 where that is unknown."""

    def generate(
        self, request: Request, output: Path, report: JobProgressCallback
    ) -> RawClip | None:
        """Return the frames that ``output`` is to hold; its extension decides the format.

        They are written by others, so that the engine is free. None: it has written ``output``
        itself, whole. Raises HotshotError with a sentence for a person, CancelledError where
        ``report`` did.
        """


class EngineFactory(Protocol):
    """Loads the model; raises ModelError where it can't be.

    ``options`` are those of ``WorkerSettings`` that say something: ``spatial_unet_base``,
    ``unet_only``, ``prediction_type``, ``loras``, ``limits``, ``low_vram``, ``compile``
    and ``depth_model``. An engine that has no use for them takes none.
    """

    def __call__(self, *, model: str, device: str, precision: str, **options: Any) -> Engine: ...
