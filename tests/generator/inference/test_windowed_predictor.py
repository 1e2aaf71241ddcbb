"""Long clips are made of windows: exactly what the same windows would say, however asked."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from generator.contract.messages import Control, Request
from generator.contract.windows import (
    CONTINUE,
    LOOP,
    MOTIONS,
    STRETCH,
    WindowPlan,
    frames_computed,
    pyramid,
)
from generator.inference.pipeline import HotshotPipeline
from generator.inference.stages.denoising import Denoise, DrawNoise
from generator.inference.stages.encoding import EncodePrompt
from generator.inference.stages.predictor import StepInputs, WholeClip
from generator.inference.stages.stage import PipelineState, needed
from generator.media.clip import Frames
from generator.model.loading import HotshotModel
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.reference import silent
from tests.generator.small_model import CONTROLNET

LONG = replace(
    QUICK, video_length=8, window=4, motion=CONTINUE, steps=3, guidance_scale=4.0, scheduler="ddim"
)


def latents_of(model: HotshotModel, request: Request, *pictures: Frames) -> Tensor:
    return HotshotPipeline(model).latents(request, report=silent, condition_images=pictures)


def denoised(model: HotshotModel, request: Request, noise: Tensor) -> Tensor:
    """What the pipeline makes of a noise of its own."""
    state = EncodePrompt().run(PipelineState(model=model, request=request), silent)
    with torch.inference_mode():
        drawn = replace(state, noise=noise, generator=torch.Generator())
        return needed(Denoise().run(drawn, silent).latents)


@pytest.mark.parametrize("motion", MOTIONS)
def test_a_clip_no_longer_than_its_window_is_what_it_was(small: HotshotModel, motion: str) -> None:
    short = replace(LONG, video_length=3, motion="")
    assert torch.equal(
        latents_of(small, short), latents_of(small, replace(short, motion=motion, window=3))
    )


@pytest.mark.slow
def test_a_closed_loop_is_rolled_by_rolling_its_noise(small: HotshotModel) -> None:
    """By a window's stride the windows see what they saw, elsewhere; by one frame they don't."""
    request = replace(LONG, motion=LOOP, scheduler="euler")
    noise = torch.randn(1, 4, 8, 8, 8, generator=torch.Generator().manual_seed(1))
    plain, rolled, between = (
        denoised(small, request, noise.roll(by, dims=2)).roll(-by, dims=2) for by in (0, 2, 1)
    )
    assert float((rolled - plain).abs().max()) < 1e-4
    assert float((between - plain).abs().max()) > 1e-2


@pytest.mark.slow
@pytest.mark.parametrize("motion", MOTIONS)
def test_what_is_computed_is_what_is_reckoned(small: HotshotModel, motion: str) -> None:
    seen: list[int] = []
    request = replace(LONG, motion=motion, guidance_scale=1.0)
    watch = small.unet.conv_in.register_forward_hook(
        lambda _module, given, _output: seen.append(given[0].shape[0])
    )
    try:
        latents = latents_of(small, request)
    finally:
        watch.remove()
    assert max(seen) == 4
    assert sum(seen) == frames_computed(request)
    assert latents.isfinite().all()


@dataclass(frozen=True)
class Together:
    """Asks about all windows of a step in one batch; nothing else differs."""

    inner: WholeClip
    plan: WindowPlan

    def predict(self, latents: Tensor, inputs: StepInputs) -> Tensor:
        windows = self.plan.windows(inputs.step, inputs.steps)
        told = replace(inputs, conditioning=inputs.conditioning.of(len(windows)))
        said = self.inner.predict(torch.cat([latents[:, :, list(one)] for one in windows]), told)
        total, weight = torch.zeros_like(latents), latents.new_zeros(latents.shape[2], 1, 1)
        for window, of_window in zip(windows, torch.split(said, 1), strict=True):
            counts = latents.new_tensor(pyramid(len(window)))[:, None, None]
            total[:, :, list(window)] += of_window * counts
            weight[list(window)] += counts
        return total / weight


@pytest.mark.slow
@pytest.mark.parametrize("motion", MOTIONS)
def test_windows_one_by_one_or_in_one_batch_make_the_same(small: HotshotModel, motion: str) -> None:
    request = replace(LONG, motion=motion, guidance_rescale=0.7)
    one_by_one = latents_of(small, request)

    def together(model: HotshotModel, of: Request) -> Together:
        return Together(WholeClip(model, of), WindowPlan(motion, 8, 4))

    at_once = HotshotPipeline(small, together).latents(request, report=silent)
    assert float((one_by_one - at_once).abs().max()) < 1e-4


def test_two_pictures_swapped_change_the_windows_that_see_them_alone(small: HotshotModel) -> None:
    """In one step of the windows 0..3, 2..5 and 4..7, the last frames know nothing of 1 and 3."""
    request = replace(LONG, steps=1, controls=(Control(str(CONTROLNET)),), control_source="a")
    pictures = np.random.default_rng(1).integers(0, 255, (8, 64, 64, 3), np.uint8)
    swapped = pictures.copy()
    swapped[[1, 3]] = pictures[[3, 1]]
    one, other = (latents_of(small, request, each) for each in (pictures, swapped))
    changed = (one - other).abs().amax((0, 1, 3, 4)) > 0
    assert changed.tolist() == [True] * 6 + [False] * 2


def test_neighbours_of_a_stretched_clip_begin_alike(small: HotshotModel) -> None:
    """Each group of them shares most of its noise; all of it has the variance of one."""
    request = replace(LONG, motion=STRETCH, width=256, height=256)
    drawn, plain = (
        needed(DrawNoise().run(PipelineState(model=small, request=each), silent).noise)
        for each in (request, replace(request, motion=CONTINUE))
    )
    flat = drawn.transpose(1, 2).flatten(2)[0]
    alike = [float((flat[at] * flat[at + 1]).mean()) for at in range(7)]
    assert [like > 0.9 for like in alike] == [True, False] * 3 + [True]
    assert flat.var(1).tolist() == pytest.approx([1] * 8, abs=0.1)
    assert torch.equal(drawn[:, :, ::2], plain[:, :, ::2])
