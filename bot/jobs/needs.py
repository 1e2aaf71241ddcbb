"""What a job asks of a worker, and whether it is met by what a worker can do."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Self

from generator.contract.messages import Capabilities, Request
from generator.contract.request_shape import remembered_by_shape
from generator.contract.stages import plan
from generator.contract.text import Text
from generator.contract.windows import frames_at_once

_MAX_REMEMBERED = 10_000  # kinds of needs


@dataclass(frozen=True, slots=True, kw_only=True)
class JobNeeds:
    """What a worker must be able to do; the default is nothing that some worker couldn't.

    ``frames`` are those computed at once, ``pixels`` those of the largest frame, and ``stages``
    those that the request chose. Without a ``model`` any will do. Hosts that it ``avoids`` had no
    room for its files.
    """

    model: str = ""
    frames: int = 0
    pixels: int = 0
    stages: tuple[str, ...] = ()
    avoids: frozenset[str] = frozenset()

    @classmethod
    def of(cls, request: Request, model: str, avoids: frozenset[str] = frozenset()) -> Self:
        """Return the needs of a request; ``model`` makes it where it names no other."""
        return cls(
            model=request.model or model,
            frames=frames_at_once(request),
            pixels=_largest_frame(request),
            stages=tuple(dict.fromkeys(chosen.name for chosen in request.stages)),
            avoids=avoids,
        )

    def are_met_by(self, can: Capabilities) -> bool:
        """Return whether such a worker can make the job, now or with another of its models."""
        return self.lacking([can]) is None

    def lacking(self, workers: Collection[Capabilities]) -> Text | None:
        """Return what none of these workers can do, by name; None where one can make the job."""
        if self.avoids:
            workers = [can for can in workers if host_of(can.device) not in self.avoids]
            if not workers:
                return Text("No other GPU host that could make this is connected.")
        offers = [
            offer for can in workers for offer in _offers(can) if self.model in ("", offer.model)
        ]
        if not offers:
            return Text("No connected worker has the model {model}.", model=self.model)
        for stage in self.stages:
            offers = [offer for offer in offers if stage in offer.stages]
            if not offers:
                return Text("No connected worker knows the stage {stage}.", stage=stage)
        most = max(offer.max_frames for offer in offers)
        if self.frames > most:
            return Text(
                "No connected worker makes {frames} frames at once; the most is {most}.",
                frames=self.frames,
                most=most,
            )
        most = max(offer.max_pixels for offer in offers if offer.max_frames >= self.frames)
        if self.pixels > most:
            return Text(
                "No connected worker makes frames of {pixels} pixels; the most is {most}.",
                pixels=self.pixels,
                most=most,
            )
        return None


@remembered_by_shape
def _largest_frame(request: Request) -> int:
    passes = [planned.request for planned in plan(request)]
    return max(each.width * each.height for each in passes)


def host_of(device: str) -> str:
    """Return the GPU host that a device is on, "" for one of this machine."""
    host, dot, _ = device.partition(".")
    return host if dot else ""


def models_of(can: Capabilities) -> frozenset[str]:
    """Return the models that a worker holds or can load."""
    return frozenset(offer.model for offer in _offers(can))


class _Offer(NamedTuple):
    """What a worker can do with one of its models."""

    model: str
    max_frames: int
    max_pixels: int
    stages: tuple[str, ...]


def _offers(can: Capabilities) -> Iterator[_Offer]:
    yield _Offer(can.model, can.max_frames, can.max_pixels, can.stages)
    for other in can.models:
        if other.name != can.model:
            limits = other.limits
            yield _Offer(other.name, limits.max_frames, limits.max_pixels, can.stages)


class WorkerFit:
    """What workers of these capabilities can make, remembered by needs: each turn asks for it."""

    def __init__(self, can: Capabilities) -> None:
        self._can = can
        self._verdicts: dict[JobNeeds, bool] = {}

    @property
    def model(self) -> str:
        """The model that they hold."""
        return self._can.model

    def accepts(self, needs: JobNeeds) -> bool:
        """Return whether they can make such a job, now or with another of their models."""
        verdict = self._verdicts.get(needs)
        if verdict is None:
            if len(self._verdicts) >= _MAX_REMEMBERED:
                self._verdicts.clear()
            verdict = self._verdicts[needs] = needs.are_met_by(self._can)
        return verdict
