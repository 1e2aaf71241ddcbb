"""Stages are those of the contract, and the denoising asks whichever predictor it is given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from generator.contract.errors import CancelledError, RequestError
from generator.contract.limits import ModelLimits
from generator.contract.messages import ChosenStage, Control, Lora, Request
from generator.contract.progress import ProgressCallback
from generator.contract.stages import (
    CHOICES,
    DENOISE,
    ENLARGE,
    SAVE,
    STAGES,
    UPSCALE,
    Cost,
    PlannedStage,
    StageChoice,
    StageSpec,
    plan,
    total_cost,
)
from generator.contract.text import Text
from generator.inference.pipeline import HotshotPipeline
from generator.inference.stages.predictor import Predictor, StepInputs, WholeClip
from generator.inference.stages.stage import Networks, PipelineState, Stage, needed
from generator.media.clip import Clip, Frames
from generator.media.save import save
from generator.model.loading import HotshotModel, load_model
from generator.sources.init_image import read_init_image
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.media.pictures import moving_ball
from tests.generator.model.test_controlnet import shown
from tests.generator.reference import CPU, silent
from tests.generator.small_model import CONTROLNET, LORA, small_model

pytestmark = pytest.mark.slow

FOUR = replace(QUICK, video_length=4, guidance_scale=4.0, guidance_end=0.5, steps=4)
FOLLOWING = replace(FOUR, controls=(Control(str(CONTROLNET), end=0.5),), control_source="a")
WITH_ALL = replace(FOLLOWING, loras=(Lora(str(LORA)),))
UPSCALED = (ChosenStage(UPSCALE, 0.4),)


def test_the_pipeline_has_every_stage_but_the_file_s(small: HotshotModel) -> None:
    stages = HotshotPipeline(small).stages
    assert {*stages} == {*STAGES} - {SAVE}
    for name, stage in stages.items():
        assert stage.cost(FOLLOWING) == STAGES[name].cost(FOLLOWING)


# -- predictors ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Windows:
    """Shows the networks a few frames at a time, and takes the mean where windows overlap."""

    inner: Predictor
    windows: tuple[range, ...]

    def predict(self, latents: Tensor, inputs: StepInputs) -> Tensor:
        total, count = torch.zeros_like(latents), torch.zeros_like(latents)
        for window in self.windows:
            frames = list(window)
            said = self.inner.predict(latents[:, :, frames], inputs.window(frames))
            total[:, :, frames] += said
            count[:, :, frames] += 1
        return total / count


def by_windows(model: HotshotModel, *windows: range) -> HotshotPipeline:
    return HotshotPipeline(
        model, lambda loaded, request: Windows(WholeClip(loaded, request), windows)
    )


@pytest.mark.parametrize("request_", [FOUR, FOLLOWING, replace(FOUR, image="a", image_strength=1)])
def test_one_window_of_all_frames_is_the_whole_clip(small: HotshotModel, request_: Request) -> None:
    pictures = [shown(request=request_) for _ in request_.controls]
    init_image = moving_ball(4, 64, 64) if request_.image else None
    whole, windowed = (
        pipeline(request_, report=silent, condition_images=pictures, init_image=init_image)
        for pipeline in (HotshotPipeline(small), by_windows(small, range(4)))
    )
    # a level at most, since processors sum otherwise where what was cut lies otherwise in memory
    assert np.abs(whole.astype(int) - windowed.astype(int)).max() <= 1


def test_a_window_s_networks_see_its_frames_alone(small: HotshotModel) -> None:
    """The UNet sees two frames, twice where guided; the ControlNet these two frames' pictures."""
    seen: list[int] = []
    pipeline = by_windows(small, range(2), range(1, 3), range(2, 4))
    watch = small.unet.conv_in.register_forward_hook(
        lambda _module, given, _output: seen.append(given[0].shape[0])
    )
    try:
        latents = pipeline.latents(
            FOLLOWING, report=silent, condition_images=[shown(request=FOLLOWING)]
        )
    finally:
        watch.remove()
    assert seen == [4] * 6 + [2] * 6
    assert latents.isfinite().all()
    backwards = [shown(request=FOLLOWING)[::-1].copy()]
    other = pipeline.latents(FOLLOWING, report=silent, condition_images=backwards)
    assert not torch.equal(latents, other)


def test_frames_that_never_share_a_window_know_nothing_of_each_other(small: HotshotModel) -> None:
    pipeline = by_windows(small, range(2), range(2, 4))
    pictures = shown(request=FOLLOWING)
    changed = pictures.copy()
    changed[2:] = 255 - changed[2:]
    one, other = (
        pipeline.latents(FOLLOWING, report=silent, condition_images=[each])
        for each in (pictures, changed)
    )
    assert torch.equal(one[:, :, :2], other[:, :, :2])
    assert not torch.equal(one[:, :, 2:], other[:, :, 2:])


def test_the_predictor_is_told_which_step_it_is(small: HotshotModel) -> None:
    told: list[tuple[int, int, bool, int]] = []

    @dataclass(frozen=True)
    class Watched:
        inner: Predictor

        def predict(self, latents: Tensor, inputs: StepInputs) -> Tensor:
            is_guided, controls = inputs.conditioning.is_guided, len(inputs.controls)
            told.append((inputs.step, inputs.steps, is_guided, controls))
            return self.inner.predict(latents, inputs)

    HotshotPipeline(small, lambda *given: Watched(WholeClip(*given))).latents(
        FOLLOWING, report=silent, condition_images=[shown(request=FOLLOWING)]
    )
    assert told == [(0, 4, True, 1), (1, 4, True, 1), (2, 4, False, 0), (3, 4, False, 0)]


# -- frame stages ----------------------------------------------------------------------------------


class Mirror(Stage):
    """A frame stage as another version may have it: left becomes right."""

    name: ClassVar[str] = "mirror"
    networks: ClassVar[Networks] = Networks.NONE

    def run(self, state: PipelineState, report: ProgressCallback) -> PipelineState:
        report(self.name, 1, 1)
        return replace(state, frames=needed(state.frames)[:, :, ::-1].copy())


class WithMirror(HotshotPipeline):
    @property
    def stages(self) -> dict[str, Stage]:
        return super().stages | {Mirror.name: Mirror()}


@pytest.fixture
def mirrored(monkeypatch: pytest.MonkeyPatch) -> ChosenStage:
    cost = Cost(painted=0.5)
    monkeypatch.setitem(STAGES, "mirror", StageSpec("mirror", Text("turning"), lambda _: cost))
    choice = StageChoice(Text("mirrored"), lambda request, _: [PlannedStage("mirror", request)])
    monkeypatch.setitem(CHOICES, "mirror", choice)
    return ChosenStage("mirror")


def test_a_frame_stage_is_one_entry_and_runs_before_the_file(
    small: HotshotModel, mirrored: ChosenStage
) -> None:
    heard: list[str] = []
    request = replace(QUICK, stages=(mirrored,))
    ModelLimits().check(request)
    frames = WithMirror(small)(request, report=lambda stage, *_: heard.append(stage))
    assert heard[-2:] == ["to_frames", "mirror"]
    assert np.array_equal(frames[:, :, ::-1], HotshotPipeline(small)(QUICK, report=silent))
    assert total_cost(request) == total_cost(QUICK) + Cost(painted=0.5)


def test_chosen_stages_run_in_the_order_that_they_were_chosen_in(
    small: HotshotModel, mirrored: ChosenStage
) -> None:
    """A second pass begins from what the stage before it made of the frames."""
    plain = replace(QUICK, stages=UPSCALED)
    last, first = (
        WithMirror(small)(replace(QUICK, stages=chosen), report=silent)
        for chosen in ((*UPSCALED, mirrored), (mirrored, *UPSCALED))
    )
    assert np.array_equal(last[:, :, ::-1], HotshotPipeline(small)(plain, report=silent))
    assert first.shape == last.shape
    assert not np.array_equal(first, last)


# -- Upscale ---------------------------------------------------------------------------------------


def two_requests(pipeline: HotshotPipeline, request: Request, directory: Path) -> Frames:
    """As a second job does it, from a file that lost nothing."""
    first = replace(request, stages=())
    file = directory / "first.png"
    given = [shown(request=request) for _ in request.controls]
    save(Clip(pipeline(first, report=silent, condition_images=given), 1000), file, "")
    larger = replace(ModelLimits().upscaled(first, str(file)), image_strength=0.4)
    return pipeline(larger, report=silent, init_image=read_init_image(larger, file))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_second_pass_makes_what_a_second_request_makes(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    pipeline = HotshotPipeline(load_model(str(small_model()), device=CPU, dtype=dtype))
    request = replace(WITH_ALL, width=32, height=40, scheduler="euler_a", stages=UPSCALED)
    frames = pipeline(
        request,
        report=silent,
        condition_images=[shown(request=request) for _ in request.controls],
    )
    assert frames.shape == (4, 80, 64, 3)
    assert np.array_equal(frames, two_requests(pipeline, request, tmp_path))


def test_the_steps_of_both_passes_are_counted_together(small: HotshotModel) -> None:
    heard: list[tuple[str, int, int]] = []
    request = replace(QUICK, steps=5, stages=UPSCALED)
    HotshotPipeline(small)(request, report=lambda *told: heard.append(told))
    steps = [(step, steps) for stage, step, steps in heard if stage == DENOISE]
    assert steps == [(step, 7) for step in range(1, 8)]
    named = list(dict.fromkeys(stage for stage, *_ in heard))
    assert named == list(dict.fromkeys(one.name for one in plan(request)))[:-1]
    assert ENLARGE in named


def test_a_second_pass_is_watched_previewed_and_cancelled_as_the_first(small: HotshotModel) -> None:
    request = replace(QUICK, steps=5, stages=UPSCALED)
    seen: list[tuple[int, ...]] = []

    def cancel(stage: str, step: int, _steps: int) -> None:
        if (stage, step) == (DENOISE, 6):
            raise CancelledError("Cancelled.")

    with pytest.raises(CancelledError):
        HotshotPipeline(small)(
            request,
            report=cancel,
            preview_callback=lambda sample, *at: seen.append((sample.shape[-1], *at)),
        )
    assert seen == [*((8, step, 5) for step in range(1, 6)), (16, 1, 2)]


def test_a_second_pass_in_little_memory(small: HotshotModel) -> None:
    low = load_model(str(small_model()), device=CPU, dtype=torch.float32, low_vram=True)
    request = replace(FOUR, stages=UPSCALED)
    exact, saving = (
        HotshotPipeline(model)(request, report=silent).astype(int) for model in (small, low)
    )
    assert np.abs(exact - saving).max() <= 1


def test_two_second_passes_are_four_times_the_size(small: HotshotModel) -> None:
    request = replace(QUICK, width=32, height=40, stages=UPSCALED * 2)
    assert HotshotPipeline(small)(request, report=silent).shape == (2, 160, 128, 3)


def test_a_stage_of_another_version_is_refused_by_its_name(small: HotshotModel) -> None:
    request = replace(QUICK, stages=(*UPSCALED, ChosenStage("interpolate")))
    with pytest.raises(RequestError, match="This version doesn't know the stage 'interpolate'"):
        HotshotPipeline(small)(request, report=silent)
