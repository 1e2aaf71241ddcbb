"""What a job asks of a worker, and which workers there are to meet that."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Self

from generator.contract.messages import Capabilities, Request
from generator.contract.stages import plan
from generator.contract.text import Text

_NOBODY = Text("No GPU host is connected at the moment.")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNeeds:
    """What a worker must be able to do; the default is nothing that some worker couldn't.

    ``pixels`` are those of the largest frame, and ``stages`` those that the request chose. Without
    a ``model`` any will do.
    """

    model: str = ""
    frames: int = 0
    pixels: int = 0
    stages: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: Request, model: str) -> Self:
        """Return the needs of a request that is to be made with this model."""
        passes = [planned.request for planned in plan(request)]
        return cls(
            model=model,
            frames=request.video_length,
            pixels=max(each.width * each.height for each in passes),
            stages=tuple(dict.fromkeys(chosen.name for chosen in request.stages)),
        )

    def are_met_by(self, can: Capabilities) -> bool:
        """Return whether such a worker can make the job."""
        return self.lacking([can]) is None

    def lacking(self, workers: Collection[Capabilities]) -> Text | None:
        """Return what none of these workers can do, by name; None where one can make the job."""
        workers = [can for can in workers if self.model in ("", can.model)]
        if not workers:
            return Text("No worker that is connected has the model {model}.", model=self.model)
        for stage in self.stages:
            workers = [can for can in workers if stage in can.stages]
            if not workers:
                return Text("No worker that is connected knows the stage {stage}.", stage=stage)
        most = max(can.max_frames for can in workers)
        if self.frames > most:
            return Text(
                "No worker that is connected makes {frames} frames at once; {most} are the most.",
                frames=self.frames,
                most=most,
            )
        most = max(can.max_pixels for can in workers if can.max_frames >= self.frames)
        if self.pixels > most:
            return Text(
                "No worker that is connected makes frames of {pixels} pixels; {most} are the most.",
                pixels=self.pixels,
                most=most,
            )
        return None


class WorkerRoster:
    """The workers that are connected, and what each can do.

    One that died is only missed once it can't be started again; ``on_change`` is called whenever
    somebody may judge otherwise of what waits.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self.may_grow = False  # workers may come that nobody knows of yet
        self._loading: set[str] = (
            set()
        )  # devices that may be able to do anything, for all one knows
        self._connected: dict[str, Capabilities] = {}

    def worker_loading(self, device: str) -> None:
        """Note that a worker has started on this device."""
        if device not in self._connected:
            self._loading.add(device)
            self._on_change()

    def worker_ready(self, device: str, capabilities: Capabilities) -> None:
        """Note what a device's worker can do."""
        self._loading.discard(device)
        self._connected[device] = capabilities
        self._on_change()

    def worker_gone(self, device: str) -> None:
        """Note that a device has no worker, and gets none soon."""
        self._loading.discard(device)
        self._connected.pop(device, None)
        self._on_change()

    def lacking(self, needs: JobNeeds) -> Text | None:
        """Return why a job waits for another worker; None where one can make it, or may yet."""
        if self._loading or not (self._connected or self.may_grow):
            return None
        if not self._connected:
            return _NOBODY
        return needs.lacking(self._connected.values())
