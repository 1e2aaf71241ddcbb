"""The real engine: Hotshot-XL and the frames it makes. Imports torch; a worker names it by string.

Puts together what is chosen (device), loaded (model) and made (frames), and turns what the
libraries throw into sentences. Knows nothing of processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Self

from generator.annotators.condition_images import ConditionImages
from generator.contract.control_types import DEPTH_MODEL, annotator_of
from generator.contract.errors import OutOfMemoryError, is_out_of_memory
from generator.contract.limits import ModelLimits
from generator.contract.links import is_link
from generator.contract.messages import Lora, Request
from generator.contract.progress import JobProgressCallback, ProgressCallback
from generator.contract.raw_clip import RawClip
from generator.contract.worker_settings import COMPILE_AUTO
from generator.inference.ahead import Ahead, Pictures
from generator.inference.batch_size import batch_pixels, clip_pixels
from generator.inference.latent_preview import PreviewCallback, PreviewDecoder, PreviewMaker
from generator.inference.pipeline import HotshotPipeline, Variation
from generator.inference.recipe_writer import model_hashes, write_recipe
from generator.media.clip import Clip, Frames
from generator.media.output import check_output
from generator.model import devices
from generator.model.library_logging import quiet_libraries
from generator.model.loading import HotshotModel, load_model
from generator.model.memory import LowVram
from generator.recipes.recipe import ModelSettings, Recipe
from generator.sources.init_image import read_init_image
from generator.sources.source_files import SourceFiles, fetch_sources
from generator.worker.engine import Engine, EngineJob


@dataclass(frozen=True, slots=True, kw_only=True)
class HotshotEngine:
    """A loaded model that makes one file after another.

    ``records_paths`` is whether a file's recipe has the paths of what it was made with, or no more
    than the names: strangers needn't know how somebody's disk looks. With ``preview_decoder``,
    ``generate`` shows what comes. ``loras`` are applied to every request, beside its own.
    """

    pipeline: HotshotPipeline
    limits: ModelLimits
    setup: ModelSettings
    condition_images: ConditionImages
    records_paths: bool = False
    preview_decoder: PreviewDecoder | None = None
    loras: tuple[Lora, ...] = ()
    ahead: Ahead = field(default_factory=Ahead)
    _model_hashes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(
        cls,
        setup: ModelSettings,
        *,
        device: str = devices.AUTO,
        low_vram: LowVram = False,
        compile_mode: str = COMPILE_AUTO,
        records_paths: bool = False,
        previews: bool = False,
        loras: tuple[Lora, ...] = (),
        declared: Mapping[str, Any] | None = None,
    ) -> Self:
        """Load a model, with ``declared`` limits over its own.

        Raises ModelError, OutOfMemoryError or RequestError (no such device).
        """
        quiet_libraries()
        choice = devices.choose_device(device, setup.precision)
        limits = ModelLimits.of(setup.model).with_declared(declared or {})
        with _room_for(setup.model, choice):
            loaded = load_model(
                setup.model,
                spatial_unet_base=setup.spatial_unet_base or None,
                unet_only=setup.unet_only,
                prediction_type=setup.prediction_type,
                device=choice.device,
                dtype=choice.dtype,
                low_vram=low_vram,
                compile_mode=compile_mode,
                fp8=choice.is_fp8,
            )
        return cls(
            pipeline=HotshotPipeline(loaded),
            limits=limits,
            setup=replace(setup, precision=choice.precision),
            condition_images=ConditionImages(str(choice.device), setup.depth_model),
            records_paths=records_paths,
            preview_decoder=_previewing(loaded) if previews else None,
            loras=loras,
        )

    @property
    def device(self) -> str:
        return str(self.pipeline.model.device)

    @property
    def dtype(self) -> str:
        return str(self.pipeline.model.dtype).removeprefix("torch.")

    @property
    def memory_bytes(self) -> int:
        return devices.memory_bytes(self.pipeline.model.device)

    def take_gpu_peak(self) -> int:
        """Return the most bytes of the GPU that were held since this was last asked; else 0."""
        return devices.take_peak_bytes(self.pipeline.model.device)

    def prepare(self, request: Request) -> None:
        """Begin on a request: read its LoRAs' files and its pictures, encode its prompt."""
        self.limits.check(request)
        request = self._with_own_loras(request)
        encode = partial(self.pipeline.encode_ahead, request)
        self.ahead.begin(request, encode, _reader(self.condition_images, request))

    def generate(self, request: Request, output: Path, report: JobProgressCallback) -> RawClip:
        """Return the frames of a request's file, with its recipe."""
        check_output(output)
        self.limits.check(request)
        request = self._with_own_loras(request)
        previews = self._previews(request)
        with fetch_sources(request) as sources:
            clip = self.make(request, _reporting(report, previews), sources, previews)
            recipe = self.recipe(request, sources).to_json()
        return RawClip(clip.frames.data, clip.duration_ms, recipe)

    @property
    def batch_pixels(self) -> int:
        return batch_pixels(self.pipeline.model)

    @property
    def clip_pixels(self) -> int:
        return clip_pixels(self.limits)

    def generate_together(self, jobs: Sequence[EngineJob]) -> None:
        """Make the frames of several files, whose requests differ in their seeds alone."""
        for job in jobs:
            check_output(job.output)
        self.limits.check(jobs[0].request)
        request = self._with_own_loras(jobs[0].request)
        with fetch_sources(request) as sources:
            shown = self._pictures(request, sources)
            self.pipeline.make_variations(
                request,
                [self._variation(job, sources) for job in jobs],
                condition_images=shown.condition_images,
                init_image=shown.init_image,
            )

    def _variation(self, job: EngineJob, sources: SourceFiles) -> Variation:
        request = self._with_own_loras(job.request)
        previews = self._previews(request)

        def take_frames(frames: Frames) -> None:
            recipe = self.recipe(request, sources).to_json()
            clip = Clip(frames, request.video_duration)
            job.made_callback(RawClip(clip.frames.data, clip.duration_ms, recipe))

        return Variation(request.seed, _reporting(job.report, previews), take_frames, previews)

    def _with_own_loras(self, request: Request) -> Request:
        return replace(request, loras=(*self.loras, *request.loras))

    def make(
        self,
        request: Request,
        report: ProgressCallback,
        sources: SourceFiles,
        preview_callback: PreviewCallback | None = None,
    ) -> Clip:
        """Return the clip of a request that was checked, with the files that it names."""
        shown = self._pictures(request, sources)
        frames = self.pipeline(
            request,
            report=report,
            condition_images=shown.condition_images,
            init_image=shown.init_image,
            preview_callback=preview_callback,
        )
        return Clip(frames, request.video_duration)

    def _pictures(self, request: Request, sources: SourceFiles) -> Pictures:
        """Return what a request shows the model, read ahead or now."""
        if (pictures := self.ahead.take(request)) is not None:
            return pictures
        return Pictures(
            self.condition_images.for_request(request, sources.control),
            read_init_image(request, sources.image),
        )

    def _previews(self, request: Request) -> PreviewMaker | None:
        """Return what makes previews meanwhile, where there is anything to see."""
        if self.preview_decoder is None or request.video_length == 1:
            return None
        return PreviewMaker(self.preview_decoder, request.video_duration)

    def recipe(self, request: Request, sources: SourceFiles) -> Recipe:
        """Return what to put into a request's file, so that it can be made again."""
        model_directory = self.pipeline.model.controlnets.model_directory
        if not self._model_hashes:  # looked at once: after each clip, the card would wait for it
            self._model_hashes.update(model_hashes(self.setup))
        recipe = write_recipe(
            request,
            self.setup,
            model_directory=model_directory,
            model_hashes=self._model_hashes,
            sources=sources,
            device=self.pipeline.model.device,
        )
        return recipe if self.records_paths else recipe.without_directories()


def _reader(condition_images: ConditionImages, request: Request) -> Callable[[], Pictures] | None:
    """Return what reads a request's pictures; None where there are none, or not without a model."""
    annotators = {annotator_of(one.kind, one.annotator) for one in request.controls}
    is_fetched = is_link(request.control_source) or is_link(request.image)
    if is_fetched or "depth" in annotators or not (request.controls or request.image):
        return None

    def read() -> Pictures:
        with fetch_sources(request) as sources:
            return Pictures(
                condition_images.for_request(request, sources.control),
                read_init_image(request, sources.image),
            )

    return read


def _previewing(model: HotshotModel) -> PreviewDecoder | None:
    """Networks that share too little memory aren't called out of turn."""
    return None if model.offloader.low_vram else PreviewDecoder(model)


def _reporting(report: JobProgressCallback, previews: PreviewMaker | None) -> ProgressCallback:
    """Return a report that brings the newest preview along, once."""

    def report_step(stage: str, step: int, steps: int) -> None:
        report(stage, step, steps, previews.take() if previews else None)

    return report_step


def create(
    *,
    model: str,
    device: str,
    precision: str,
    spatial_unet_base: str = "",
    unet_only: bool = False,
    prediction_type: str = "",
    loras: tuple[Lora, ...] = (),
    limits: Mapping[str, Any] | None = None,
    low_vram: LowVram = False,
    compile: str = COMPILE_AUTO,  # noqa: A002 - as WorkerSettings calls it
    depth_model: str = DEPTH_MODEL,
) -> Engine:
    """Return an engine that shows what comes: an EngineFactory."""
    setup = ModelSettings(
        model=model,
        spatial_unet_base=spatial_unet_base,
        unet_only=unet_only,
        prediction_type=prediction_type,
        precision=precision,
        depth_model=depth_model,
    )
    return HotshotEngine.load(
        setup,
        device=device,
        low_vram=low_vram,
        compile_mode=compile,
        previews=True,
        loras=loras,
        declared=limits,
    )


@contextmanager
def _room_for(model: str, choice: devices.DeviceChoice) -> Iterator[None]:
    try:
        yield
    except (MemoryError, OSError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemoryError(
            "The model {model} doesn't fit into the memory of {device}; choose another "
            "device, a smaller precision or a smaller model.",
            model=model,
            device=choice.device,
        ) from error
