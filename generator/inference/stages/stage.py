"""What a stage is, and the state that goes from one to the next. Knows none of the stages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import ClassVar, Protocol, TypeVar

import torch
from torch import Tensor, nn

from generator.contract.errors import CancelledError
from generator.contract.messages import Request
from generator.contract.progress import ProgressCallback
from generator.contract.stages import STAGES, Cost
from generator.inference.latent_preview import PreviewCallback
from generator.media.clip import Frames
from generator.model.conditioning import Conditioning
from generator.model.controlnet import ClipControl
from generator.model.loading import HotshotModel

_Value = TypeVar("_Value")


class Networks(Enum):
    """Which of a model's networks compute in a stage."""

    NONE = "none"
    VAE = "vae"
    ALL = "all"

    def of(self, model: HotshotModel) -> Sequence[nn.Module]:
        """Return the networks of a model."""
        match self:
            case Networks.NONE:
                return []
            case Networks.VAE:
                return [model.vae]
            case Networks.ALL:
                return model.all_networks


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineState:
    """What is known of a clip between two stages. A stage returns another state, and changes none.

    ``request`` is that of the pass that is being made. ``condition_images`` and ``init_image`` are
    as ``HotshotPipeline`` is given them. Whatever stands below them is None until its stage was
    run: ``init_latents`` (1, 4, 1 or f, h/8, w/8) are clean, ``noise`` and ``latents``
    (1, 4, f, h/8, w/8) float32, ``pictures`` (f, 3, h, w) and ``frames`` (f, h, w, 3) uint8.
    ``generator`` has drawn the noise, and draws what the steps need.
    """

    model: HotshotModel
    request: Request
    condition_images: Sequence[Frames] = ()
    init_image: Frames | None = None
    preview_callback: PreviewCallback | None = None
    conditioning: Conditioning | None = None
    controls: tuple[ClipControl, ...] = ()
    init_latents: Tensor | None = None
    generator: torch.Generator | None = None
    noise: Tensor | None = None
    latents: Tensor | None = None
    pictures: Tensor | None = None
    frames: Frames | None = None


@dataclass(frozen=True, slots=True)
class ClipRun:
    """A clip on its way, maybe beside others that differ from it in their seeds alone.

    Where ``report`` raises CancelledError, this one ends, the others go on, and ``cancel`` is told.
    ``number`` says which of them it is.
    """

    state: PipelineState
    report: ProgressCallback
    cancel: Callable[[CancelledError], None]
    number: int = 0

    def after(self, run: Callable[[PipelineState, ProgressCallback], PipelineState]) -> Clips:
        """Return this clip with the state that ``run`` makes of it; none where it is cancelled."""
        try:
            return [replace(self, state=run(self.state, self.report))]
        except CancelledError as error:
            self.cancel(error)
            return []


Clips = list[ClipRun]


class Stage(Protocol):
    """A part of the pipeline, by the name that ``generator.contract.stages.STAGES`` has for it.

    ``networks`` says what computes in it: where numbers overflow in half precision, these networks
    are made float32, and the stage is run once more, together with its neighbours of the same
    networks.
    """

    name: ClassVar[str]
    networks: ClassVar[Networks]

    def run(self, state: PipelineState, report: ProgressCallback) -> PipelineState:
        """Return the state after this stage; report each step of it.

        Raises whatever ``report`` raises, and NotFiniteError where numbers overflow.
        """

    def run_together(self, clips: Sequence[ClipRun]) -> Clips:
        """Return clips of one request after this stage, but for those cancelled in it.

        Each is as if it were alone. Raises NotFiniteError where numbers of any overflow.
        """
        return [after for clip in clips for after in clip.after(self.run)]

    def cost(self, request: Request) -> Cost:
        """Return the work of a run in a request's pass."""
        return STAGES[self.name].cost(request)


def needed(value: _Value | None) -> _Value:
    """Return what an earlier stage made. Raises RuntimeError where none did: the plan is wrong."""
    if value is None:
        raise RuntimeError("A stage was run before the one that makes what it needs.")
    return value
