"""A clip that goes on: its first frames are those of a file, to the pixel; the others follow."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from generator.contract.bounds import SCHEDULERS
from generator.contract.errors import RequestError
from generator.contract.limits import ModelLimits
from generator.contract.messages import ChosenStage, Request
from generator.contract.stages import UPSCALE, plan, total_cost
from generator.contract.windows import CONTINUE, LOOP, WindowPlan, frames_computed
from generator.inference.pipeline import HotshotPipeline, Variation
from generator.inference.stages.encoding import encode_image
from generator.media.clip import Clip, Frames
from generator.media.save import save
from generator.model.loading import HotshotModel
from generator.sources.init_image import read_init_image
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.media.pictures import moving_ball
from tests.generator.reference import silent

GOING_ON = replace(
    QUICK, image="ball.gif", kept_frames=6, video_length=10, window=4, motion=CONTINUE, steps=3
)
KEPT = moving_ball(6, 64, 64)


def made(model: HotshotModel, request: Request, frames: Frames = KEPT) -> Frames:
    return HotshotPipeline(model)(request, report=silent, init_image=frames)


@pytest.mark.slow
@pytest.mark.parametrize("window", [4, 10])  # in windows, and all at once
def test_kept_frames_stay_to_the_pixel_and_the_others_follow_them(
    small: HotshotModel, window: int
) -> None:
    request = replace(GOING_ON, window=window)
    clip = made(small, request)
    assert clip.shape == (10, 64, 64, 3)
    assert np.array_equal(clip[:6], KEPT)
    assert np.array_equal(clip, made(small, request))
    after_others = made(small, request, 255 - KEPT)
    assert not np.array_equal(clip[6:8], after_others[6:8])


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_every_sampler_ends_with_the_latents_that_are_kept(
    small: HotshotModel, scheduler: str
) -> None:
    request = replace(GOING_ON, scheduler=scheduler)
    latents = HotshotPipeline(small).latents(request, report=silent, init_image=KEPT)
    with torch.inference_mode():
        assert torch.equal(latents[:, :, :6], encode_image(small, KEPT, silent))
    assert latents.isfinite().all()
    assert float(latents[:, :, 6:].std()) > 0.1


def test_windows_of_kept_frames_alone_are_left_out_and_not_reckoned(small: HotshotModel) -> None:
    assert WindowPlan(CONTINUE, 10, 4, kept=6).windows(0, 3) == ((4, 5, 6, 7), (6, 7, 8, 9))
    assert WindowPlan(LOOP, 8, 4, kept=6).windows(0, 3) == ((4, 5, 6, 7), (6, 7, 0, 1))
    seen: list[int] = []
    request = replace(GOING_ON, guidance_scale=1.0)
    watch = small.unet.conv_in.register_forward_hook(
        lambda _module, given, _output: seen.append(given[0].shape[0])
    )
    try:
        made(small, request)
    finally:
        watch.remove()
    assert sum(seen) == frames_computed(request) == 3 * 8
    anew = replace(request, image="", kept_frames=0)
    assert total_cost(request).painted == pytest.approx(total_cost(anew).painted * 0.4)


def test_variations_go_on_from_one_beginning(small: HotshotModel) -> None:
    clips: list[Frames] = []
    variations = [Variation(seed, silent, clips.append) for seed in (1, 2)]
    HotshotPipeline(small).make_variations(GOING_ON, variations, init_image=KEPT)
    one, other = clips
    assert np.array_equal(one[:6], other[:6])
    assert not np.array_equal(one[6:], other[6:])


def test_a_larger_pass_keeps_nothing_and_a_still_can_be_the_first_frame(
    small: HotshotModel,
) -> None:
    upscaled = replace(GOING_ON, stages=(ChosenStage(UPSCALE, 0.4),))
    assert [one.request.kept_frames for one in plan(upscaled)][-1] == 0
    first = replace(GOING_ON, kept_frames=1, video_length=4)
    assert np.array_equal(made(small, first, KEPT[:1])[:1], KEPT[:1])
    with pytest.raises(RequestError, match="The image has 1 frame, and 6 are to be kept"):
        made(small, GOING_ON, KEPT[:1])


def test_a_file_gives_as_many_frames_as_are_kept(tmp_path: Path) -> None:
    """Its own, one by one, the first ones of a longer file."""
    save(Clip(KEPT, 600), tmp_path / "ball.webp")
    request = replace(GOING_ON, width=64, height=64, video_duration=1000)
    read = read_init_image(request, tmp_path / "ball.webp")
    assert read is not None
    assert read.shape == KEPT.shape
    half = read_init_image(replace(request, kept_frames=3), tmp_path / "ball.webp")
    assert half is not None
    assert np.array_equal(half, read[:3])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"image": ""}, "To keep frames, there must be an image that has them"),
        ({"video_length": 6}, "Of 6 frames 6 are to be kept, so none is left to make"),
        ({"kept_frames": -1}, "The number of frames kept must be from 0 to 256, not -1"),
    ],
)
def test_what_can_t_go_on_gets_a_sentence(changes: dict[str, object], sentence: str) -> None:
    request = replace(GOING_ON, width=512, height=512)
    ModelLimits().check(request)
    with pytest.raises(RequestError, match=sentence):
        ModelLimits().check(replace(request, **changes))  # type: ignore[arg-type]


def test_earlier_versions_read_what_keeps_nothing() -> None:
    assert "kept_frames" not in QUICK.to_dict()
    assert Request.from_dict(GOING_ON.to_dict()) == GOING_ON
    assert GOING_ON.steps_made == GOING_ON.steps
