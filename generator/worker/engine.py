"""What an engine is: the thing inside a worker that turns a request into frames. No torch here.

The worker and its tests know engines by these protocols alone;
``generator.inference.hotshot_engine`` has the real one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

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


@dataclass(frozen=True, slots=True)
class EngineJob:
    """One of several jobs that are computed together: as ``Engine.generate`` is given them.

    ``made_callback`` is given its frames as soon as they are there.
    """

    request: Request
    output: Path
    report: JobProgressCallback
    made_callback: Callable[[RawClip], None]


@runtime_checkable
class BatchEngine(Engine, Protocol):
    """An engine that can compute several requests together, which differ in their seeds alone."""

    @property
    def batch_pixels(self) -> int:
        """As ``Capabilities`` has them: 0 where it had better make one clip at a time."""

    def generate_together(self, jobs: Sequence[EngineJob]) -> None:
        """Make the frames of all jobs, each as if it were alone.

        One whose ``report`` raises CancelledError is left out from there, and the others go on.
        What else is raised ends all that aren't made yet; each of them may still be made alone.
        """


@runtime_checkable
class BoundedEngine(Engine, Protocol):
    """An engine that knows how large a clip its machine's memory holds."""

    @property
    def clip_pixels(self) -> int:
        """As ``Capabilities`` has them: 0 where it isn't known."""


@runtime_checkable
class MeasuringEngine(Engine, Protocol):
    """An engine that knows how much of its GPU's memory it takes."""

    def take_gpu_peak(self) -> int:
        """Return the most bytes that it held since this was last asked; 0 without a GPU."""


@runtime_checkable
class PreparingEngine(Engine, Protocol):
    """An engine that can begin on a request while it makes another, without disturbing that."""

    def prepare(self, request: Request) -> None:
        """Begin on a request that comes next; return at once, while that goes on.

        Called only while no step of another request is computed. What is wrong with the request is
        said in its turn; it may never come.
        """


class EngineFactory(Protocol):
    """Loads the model; raises ModelError where it can't be.

    ``options`` are those of ``WorkerSettings`` that say something: ``spatial_unet_base``,
    ``unet_only``, ``prediction_type``, ``loras``, ``limits``, ``low_vram``, ``compile``
    and ``depth_model``. An engine that has no use for them takes none.
    """

    def __call__(self, *, model: str, device: str, precision: str, **options: Any) -> Engine: ...
