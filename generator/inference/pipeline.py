"""From a request to frames: runs the stages of its plan (``generator.contract.stages.plan``).

Each stage reports when it has done something; what is called may raise CancelledError, and so a
request stops between two steps. Knows no files and no queues. Latents and noise are float32 and
drawn on the CPU, so that a seed means the same GIF on every device.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby, takewhile

import torch
from torch import Tensor

from generator.contract.errors import CancelledError, OutOfMemoryError, is_out_of_memory
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
from generator.inference.low_memory import free_what_is_left, in_low_memory, what_would_fit
from generator.inference.overflow import NotFiniteError
from generator.inference.stages.decoding import Decode
from generator.inference.stages.denoising import Denoise, DrawNoise
from generator.inference.stages.encoded_prompts import EncodedPrompts
from generator.inference.stages.encoding import (
    EncodeImage,
    EncodePrompt,
    check_init_image,
    encode_prompt,
)
from generator.inference.stages.frame_stages import Enlarge, ToFrames
from generator.inference.stages.predictor import PredictorFactory
from generator.inference.stages.stage import (
    ClipRun,
    Clips,
    Networks,
    PipelineState,
    Stage,
    needed,
)
from generator.inference.stages.windowed_predictor import make_predictor
from generator.media.clip import Frames
from generator.model.loading import HotshotModel

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Variation:
    """One of several clips of a request: its ``seed``, and who hears of it.

    ``made_callback`` is given its frames as soon as they are there, maybe before another's are.
    """

    seed: int
    report: ProgressCallback
    made_callback: Callable[[Frames], None]
    preview_callback: PreviewCallback | None = None


Part = tuple[Networks, list[PlannedStage]]
"""Stages that follow each other, and the networks that compute in them."""


@dataclass(frozen=True, slots=True)
class HotshotPipeline:
    """Makes the frames of a request with one model, also of several seeds together.

    Between two requests nothing is held but what saves time: the LoRAs last applied stay, and the
    ControlNets last used stay loaded. ``make_predictor`` decides how the networks see the clip.
    """

    model: HotshotModel
    make_predictor: PredictorFactory = make_predictor
    prompts: EncodedPrompts = field(default_factory=lambda: EncodedPrompts(encode_prompt))

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
        made: list[Frames] = []
        variation = Variation(request.seed, report, made.append, preview_callback)
        cancelled = self.make_variations(
            request, [variation], condition_images=condition_images, init_image=init_image
        )
        for error in cancelled:
            raise error
        return made[0]

    @torch.inference_mode()
    def make_variations(
        self,
        request: Request,
        variations: Sequence[Variation],
        *,
        condition_images: Sequence[Frames] = (),
        init_image: Frames | None = None,
    ) -> list[CancelledError]:
        """Make clips of a request with seeds of their own, together; its own seed isn't looked at.

        Each is what it would be alone, but for the order in which sums are added up. One whose
        ``report`` raises CancelledError is left out from there: these errors are returned. The rest
        is as in a call for one clip; what is raised ends all that aren't made yet.
        """
        check_stages(request)
        cancelled: list[CancelledError] = []
        clips = [
            ClipRun(state, each.report, cancelled.append, number)
            for number, each in enumerate(variations)
            for state in [self._begin(request, each, condition_images, init_image)]
        ]
        try:
            for clip in self._run_all(request, clips):
                variations[clip.number].made_callback(needed(clip.state.frames))
        except OutOfMemoryError:
            self.model.runner.forget()  # a smaller one may need what was held for speed
            raise
        finally:
            self.model.offload()
        return cancelled

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
        variation = Variation(request.seed, report, lambda _: None, preview_callback)
        state = self._begin(request, variation, condition_images, init_image)
        planned = takewhile(lambda one: one.name != DECODE, plan(request))
        cancelled: list[CancelledError] = []
        made = self._run_once([ClipRun(state, report, cancelled.append)], list(planned))
        for error in cancelled:
            raise error
        return needed(made[0].state.latents)

    def encode_ahead(self, request: Request) -> None:
        """Do of a request what another thread can, while this one decodes or does nothing.

        Raises ModelError.
        """
        [first] = (one.request for one in plan(request)[:1])
        self.prompts.encode_ahead(self.model, first)

    def _begin(
        self,
        request: Request,
        variation: Variation,
        condition_images: Sequence[Frames],
        init_image: Frames | None,
    ) -> PipelineState:
        check_init_image(request, init_image)
        return PipelineState(
            model=self.model,
            request=replace(request, seed=variation.seed),
            condition_images=condition_images,
            init_image=init_image,
            preview_callback=variation.preview_callback,
        )

    def _run_all(self, request: Request, clips: Clips) -> Iterator[ClipRun]:
        """Yield clips as they are made: denoised together, decoded one after the other."""
        parts = deque(self._parts([one for one in plan(request) if one.name != SAVE]))
        reports = [clip.report for clip in clips]
        total, before = total_steps(request), 0
        while parts:
            counted = [_counted(report, before, total) for report in reports]
            clips = [replace(clip, report=counted[clip.number]) for clip in clips]
            together, apart = _pop(parts, is_all=True), _pop(parts, is_all=False)
            before += sum(
                one.request.steps_made
                for _, part in together
                for one in part
                if one.name == DENOISE
            )
            denoised = self._run_parts(clips, together)
            made = (after for clip in denoised for after in self._run_parts([clip], apart))
            if not parts:
                yield from made
            clips = list(made)

    def _run_parts(self, clips: Clips, parts: Sequence[Part]) -> Clips:
        for networks, part in parts:
            with memory_errors(part[0].request, self.model):
                clips = self._run_where_there_is_room(clips, networks, part)
        return clips

    def _run_where_there_is_room(
        self, clips: Clips, networks: Networks, part: Sequence[PlannedStage]
    ) -> Clips:
        """Return the clips after some stages, tried once more in low memory where it runs out.

        Several clips together are not: whoever wanted these asks for one after the other.
        """
        try:
            return self._run(clips, networks, part)
        except (MemoryError, OSError, RuntimeError) as error:
            is_last = len(clips) > 1 or self.model.offloader.low_vram
            if is_last or not is_out_of_memory(error):
                raise
        # what the first try held is free from here on
        logger.warning("The memory of %s ran out; trying once in low memory.", self.model.device)
        with self.prompts.lock, in_low_memory(self.model) as model:  # text encoders move
            low = replace(self, model=model)
            return _with_model(low._run(_with_model(clips, model), networks, part), self.model)

    def _parts(self, planned: Sequence[PlannedStage]) -> Iterator[Part]:
        """Yield the stages that are run again together, where numbers overflow in one of them."""
        by_name = self.stages
        for networks, part in groupby(planned, lambda one: by_name[one.name].networks):
            yield networks, list(part)

    def _run(self, clips: Clips, computing: Networks, part: Sequence[PlannedStage]) -> Clips:
        """Return the clips after some stages, once more in float32 where numbers overflow."""
        try:
            return self._run_once(clips, part)
        except NotFiniteError as error:
            with self.prompts.lock:  # the text encoders' weights change
                return self._run_in_float32(clips, computing, part, error)

    def _run_in_float32(
        self, clips: Clips, computing: Networks, part: Sequence[PlannedStage], cause: NotFiniteError
    ) -> Clips:
        overflow.check_weights(self.model)
        networks = computing.of(self.model)
        if not overflow.has_half_precision(networks):
            dtype = self.model.dtype
            raise overflow.overflow_error(self.model, part[0].request, dtype) from cause
        logger.warning("Numbers overflowed in half precision; computing once more in f32.")
        try:
            with overflow.upcast(self.model, networks) as model:
                return _with_model(self._run_once(_with_model(clips, model), part), self.model)
        except NotFiniteError as error:
            raise overflow.overflow_error(self.model, part[0].request, torch.float32) from error
        except (MemoryError, OSError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            raise overflow.no_memory_for_float32(self.model, part[0].request) from error

    def _run_once(self, clips: Clips, planned: Sequence[PlannedStage]) -> Clips:
        by_name = self.stages
        for one in planned:
            if clips:
                clips[0].state.model.offload()
                clips = by_name[one.name].run_together([_in_pass(clip, one) for clip in clips])
        if clips:
            clips[0].state.model.offload()
        return clips

    @property
    def stages(self) -> dict[str, Stage]:
        """All stages by their names, but for the one that writes the file, which has the engine."""
        every: tuple[Stage, ...] = (
            EncodePrompt(self.prompts),
            EncodeImage(),
            DrawNoise(),
            Denoise(self.make_predictor),
            Decode(),
            ToFrames(),
            Enlarge(),
        )
        return {stage.name: stage for stage in every}


def _pop(parts: deque[Part], *, is_all: bool) -> list[Part]:
    """Take out the parts at the head in which all networks compute, or in which not all do."""
    popped = []
    while parts and (parts[0][0] is Networks.ALL) == is_all:
        popped.append(parts.popleft())
    return popped


def _in_pass(clip: ClipRun, planned: PlannedStage) -> ClipRun:
    """Return a clip with the request of the pass that a stage is planned in, and its own seed."""
    request = replace(planned.request, seed=clip.state.request.seed)
    return replace(clip, state=replace(clip.state, request=request))


def _with_model(clips: Clips, model: HotshotModel) -> Clips:
    return [replace(clip, state=replace(clip.state, model=model)) for clip in clips]


def _counted(report: ProgressCallback, before: int, total: int) -> ProgressCallback:
    """Return a report that counts the denoising steps of all passes: ``before`` are done."""

    def report_counted(stage: str, step: int, steps: int) -> None:
        if stage == DENOISE:
            report(stage, before + step, total)
        else:
            report(stage, step, steps)

    return report_counted


@contextmanager
def memory_errors(request: Request, model: HotshotModel) -> Iterator[None]:
    """Turn a device's own words for "no room" into OutOfMemoryError, and free what it can.

    The error says what would have fitted.
    """
    try:
        yield
    except (MemoryError, OSError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        free_what_is_left(model.device)
        raise OutOfMemoryError(
            "There isn't enough memory for {frames} frames of {width} x {height}; {smaller}.",
            frames=request.video_length,
            width=request.width,
            height=request.height,
            smaller=what_would_fit(model, request),
        ) from error
