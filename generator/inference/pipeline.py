"""From a request to frames: runs the stages of its plan (``generator.contract.stages.plan``).

Each stage reports when it has done something; what is called may raise CancelledError, and so a
request stops between two steps. Knows no files and no queues. Latents and noise are float32 and
drawn on the CPU, so that a seed means the same GIF on every device.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby, takewhile

import torch
from torch import Tensor

from generator.contract.errors import OutOfMemoryError, is_out_of_memory
from generator.contract.messages import Request
from generator.contract.progress import ProgressCallback
from generator.contract.stages import (
    DECODE,
    DENOISE,
    SAVE,
    PlannedStage,
    check_stages,
    plan,
    total_steps,
)
from generator.inference import overflow
from generator.inference.latent_preview import PreviewCallback
from generator.inference.overflow import NotFiniteError
from generator.inference.stages.decoding import Decode
from generator.inference.stages.denoising import Denoise, DrawNoise
from generator.inference.stages.encoding import EncodeImage, EncodePrompt, check_init_image
from generator.inference.stages.frame_stages import Enlarge, ToFrames
from generator.inference.stages.predictor import PredictorFactory
from generator.inference.stages.stage import Networks, PipelineState, Stage, needed
from generator.inference.stages.windowed_predictor import make_predictor
from generator.media.clip import Frames
from generator.model.loading import HotshotModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HotshotPipeline:
    """Makes the frames of a request with one model.

    Between two requests nothing is held but what saves time: the LoRAs last applied stay, and the
    ControlNets last used stay loaded. ``make_predictor`` decides how the networks see the clip.
    """

    model: HotshotModel
    make_predictor: PredictorFactory = make_predictor

    @torch.inference_mode()
    def __call__(
        self,
        request: Request,
        *,
        report: ProgressCallback,
        condition_images: Sequence[Frames] = (),
        init_image: Frames | None = None,
        preview_callback: PreviewCallback | None = None,
    ) -> Frames:
        """Return frames (f, h, w, 3) uint8, the same for the same request and images.

        ``condition_images`` are what each of ``request.controls`` is shown, in their order: as
        annotated, (f, h, w, 3) of the clip's own size. ``init_image`` is what ``request.image``
        shows, a frame for each or one for all. ``preview_callback`` sees what the clip is going to
        be. What overflows in half precision is made once more in float32. Raises OutOfMemoryError,
        RequestError and ModelError (also where numbers overflow all the same), and whatever
        ``report`` raises.
        """
        check_stages(request)
        state = self._begin(request, condition_images, init_image, preview_callback)
        planned = [one for one in plan(request) if one.name != SAVE]
        total, before = total_steps(request), 0
        try:
            for networks, part in self._parts(planned):
                with memory_errors(part[0].request):
                    state = self._run(state, networks, part, _counted(report, before, total))
                before += sum(one.request.steps_made for one in part if one.name == DENOISE)
        except OutOfMemoryError:
            self.model.runner.forget()  # a smaller one may need what was held for speed
            raise
        finally:
            self.model.offload()
        return needed(state.frames)

    @torch.inference_mode()
    def latents(
        self,
        request: Request,
        *,
        report: ProgressCallback,
        condition_images: Sequence[Frames] = (),
        init_image: Frames | None = None,
        preview_callback: PreviewCallback | None = None,
    ) -> Tensor:
        """Return the first pass's latents (1, 4, f, h/8, w/8), float32, before they are decoded.

        Raises ModelError for a LoRA or ControlNet that can't be used, NotFiniteError where numbers
        overflow.
        """
        state = self._begin(request, condition_images, init_image, preview_callback)
        planned = takewhile(lambda one: one.name != DECODE, plan(request))
        return needed(self._run_once(state, list(planned), report).latents)

    def _begin(
        self,
        request: Request,
        condition_images: Sequence[Frames],
        init_image: Frames | None,
        preview_callback: PreviewCallback | None,
    ) -> PipelineState:
        check_init_image(request, init_image)
        return PipelineState(
            model=self.model,
            request=request,
            condition_images=condition_images,
            init_image=init_image,
            preview_callback=preview_callback,
        )

    def _parts(
        self, planned: Sequence[PlannedStage]
    ) -> Iterator[tuple[Networks, list[PlannedStage]]]:
        """Yield the stages that are run again together, where numbers overflow in one of them."""
        by_name = self.stages
        for networks, part in groupby(planned, lambda one: by_name[one.name].networks):
            yield networks, list(part)

    def _run(
        self,
        state: PipelineState,
        computing: Networks,
        part: Sequence[PlannedStage],
        report: ProgressCallback,
    ) -> PipelineState:
        """Return the state after some stages, once more in float32 where numbers overflow."""
        try:
            return self._run_once(state, part, report)
        except NotFiniteError as error:
            overflow.check_weights(self.model)
            networks = computing.of(self.model)
            if not overflow.has_half_precision(networks):
                dtype = self.model.dtype
                raise overflow.overflow_error(self.model, part[0].request, dtype) from error
        logger.warning("Numbers overflowed in half precision; computing once more in f32.")
        try:
            with overflow.upcast(self.model, networks) as model:
                made = self._run_once(replace(state, model=model), part, report)
                return replace(made, model=self.model)
        except NotFiniteError as error:
            raise overflow.overflow_error(self.model, part[0].request, torch.float32) from error
        except (MemoryError, OSError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise overflow.no_memory_for_float32(self.model, part[0].request) from error

    def _run_once(
        self, state: PipelineState, planned: Sequence[PlannedStage], report: ProgressCallback
    ) -> PipelineState:
        by_name = self.stages
        for one in planned:
            state.model.offload()
            state = by_name[one.name].run(replace(state, request=one.request), report)
        state.model.offload()
        return state

    @property
    def stages(self) -> dict[str, Stage]:
        """All stages by their names, but for the one that writes the file, which has the engine."""
        every: tuple[Stage, ...] = (
            EncodePrompt(),
            EncodeImage(),
            DrawNoise(),
            Denoise(self.make_predictor),
            Decode(),
            ToFrames(),
            Enlarge(),
        )
        return {stage.name: stage for stage in every}


def _counted(report: ProgressCallback, before: int, total: int) -> ProgressCallback:
    """Return a report that counts the denoising steps of all passes: ``before`` are done."""

    def report_counted(stage: str, step: int, steps: int) -> None:
        if stage == DENOISE:
            report(stage, before + step, total)
        else:
            report(stage, step, steps)

    return report_counted


@contextmanager
def memory_errors(request: Request) -> Iterator[None]:
    """Turn a device's own words for "no room" into OutOfMemoryError, and free what it can."""
    try:
        yield
    except (MemoryError, OSError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise OutOfMemoryError(
            "There isn't enough memory for {frames} frames of {width} x {height}; ask for a "
            "smaller size or fewer frames.",
            frames=request.video_length,
            width=request.width,
            height=request.height,
        ) from error
