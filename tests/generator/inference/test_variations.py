"""Clips of one request with other seeds, made together: each as if it were alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from generator.contract.errors import CancelledError
from generator.contract.messages import ChosenStage, Lora, Request
from generator.contract.progress import ProgressCallback
from generator.contract.stages import DECODE, DENOISE, UPSCALE
from generator.inference.pipeline import HotshotPipeline, Variation
from generator.media.clip import Frames
from generator.model.loading import HotshotModel, load_model
from tests.generator.inference.test_stages import FOLLOWING, FOUR
from tests.generator.media.pictures import moving_ball
from tests.generator.model.test_controlnet import shown
from tests.generator.reference import CPU, silent
from tests.generator.small_model import LORA, small_model

pytestmark = pytest.mark.slow

SEEDS = (1, 2, 3)
LEVELS = 2  # of 255, by which sums in another order may move a frame's


class Heard:
    """What variations say; those of ``cancelled`` seeds are cancelled once they have said that."""

    def __init__(self, cancelled: dict[int, tuple[str, int]] | None = None) -> None:
        self.frames: dict[int, Frames] = {}
        self.said: list[tuple[int, str, int, int]] = []
        self._cancelled = cancelled or {}

    def variation(self, seed: int) -> Variation:
        return Variation(seed, self._report(seed), lambda made: self._take(seed, made))

    def _report(self, seed: int) -> ProgressCallback:
        def report(stage: str, step: int, steps: int) -> None:
            self.said.append((seed, stage, step, steps))
            if self._cancelled.get(seed) == (stage, step):
                raise CancelledError("Cancelled.")

        return report

    def _take(self, seed: int, made: Frames) -> None:
        self.frames[seed] = made
        self.said.append((seed, "made", 1, 1))


def together(
    model: HotshotModel, request: Request, cancelled: dict[int, tuple[str, int]] | None = None
) -> Heard:
    heard = Heard(cancelled)
    variations = [heard.variation(seed) for seed in SEEDS]
    HotshotPipeline(model).make_variations(
        request,
        variations,
        condition_images=[shown(request=request) for _ in request.controls],
        init_image=moving_ball(4, 64, 64) if request.image else None,
    )
    return heard


def alone(model: HotshotModel, request: Request, seed: int) -> Frames:
    return HotshotPipeline(model)(
        replace(request, seed=seed),
        report=silent,
        condition_images=[shown(request=request) for _ in request.controls],
        init_image=moving_ball(4, 64, 64) if request.image else None,
    )


def assert_alike(one: Frames, other: Frames) -> None:
    apart = np.abs(one.astype(int) - other.astype(int))
    assert apart.max() <= LEVELS
    assert (apart == 0).mean() > 0.99


@pytest.mark.parametrize(
    "request_",
    [
        replace(FOUR, scheduler="euler_a", guidance_rescale=0.7),
        replace(FOUR, scheduler="dpmpp_sde"),
        replace(FOUR, scheduler="unipc", guidance_end=1.0),
        replace(FOLLOWING, loras=(Lora(str(LORA)),)),
        replace(FOUR, image="a", image_strength=0.5, stages=(ChosenStage(UPSCALE, 0.4),)),
        replace(FOUR, video_length=1, guidance_scale=1.0),
        replace(FOLLOWING, prompt="0: a red ball | 3: a blue star", steps=2),
        replace(FOUR, prompt="0: a red ball | 3: a star", motion="continue", window=2, steps=2),
    ],
)
def test_each_is_what_it_is_alone(small: HotshotModel, request_: Request) -> None:
    made = together(small, request_).frames
    assert {*made} == {*SEEDS}
    for seed in (SEEDS[0], SEEDS[-1]):
        assert_alike(made[seed], alone(small, request_, seed))
    assert len({frames.tobytes() for frames in made.values()}) == len(SEEDS)


def test_one_clip_is_the_same_to_the_last_bit_in_whichever_call(small: HotshotModel) -> None:
    heard = Heard()
    HotshotPipeline(small).make_variations(FOUR, [heard.variation(5)])
    assert np.array_equal(heard.frames[5], alone(small, FOUR, 5))


def test_a_cancelled_one_is_left_out_and_the_others_are_what_they_would_be(
    small: HotshotModel,
) -> None:
    seen: list[int] = []
    watch = small.unet.conv_in.register_forward_hook(
        lambda _module, given, _output: seen.append(given[0].shape[0] // FOUR.video_length)
    )
    try:
        heard = together(small, FOUR, {2: (DENOISE, 1), 1: (DECODE, 1)})
    finally:
        watch.remove()
    assert seen == [6, 4, 2, 2]  # three clips, then two; the second half isn't guided
    assert {*heard.frames} == {3}
    assert_alike(heard.frames[3], alone(small, FOUR, 3))


def test_all_that_are_cancelled_cost_no_further_step(small: HotshotModel) -> None:
    heard = together(small, FOUR, dict.fromkeys(SEEDS, (DENOISE, 1)))
    assert not heard.frames
    assert {step for _, stage, step, _ in heard.said if stage == DENOISE} == {1}


def test_each_reports_all_its_own_steps_and_is_handed_over_before_the_next_is_decoded(
    small: HotshotModel,
) -> None:
    said = together(small, FOUR).said
    for seed in SEEDS:
        steps = [
            (step, steps) for one, stage, step, steps in said if (one, stage) == (seed, DENOISE)
        ]
        assert steps == [(step, 4) for step in range(1, 5)]
    assert [(seed, stage) for seed, stage, *_ in said if stage in ("to_frames", "made")] == [
        (seed, stage) for seed in SEEDS for stage in ("to_frames", "made")
    ]


def test_the_text_is_encoded_and_its_keys_and_values_computed_once(small: HotshotModel) -> None:
    """Whatever the clips are told of is computed for two texts, of however many clips."""
    encoded: list[int] = []
    projection = small.unet.mid_block.attentions[0].transformer_blocks[0].attn2.to_k
    watch = projection.register_forward_hook(
        lambda _module, given, _output: encoded.append(given[0].shape[0])
    )
    try:
        together(small, replace(FOUR, guidance_end=1.0))
    finally:
        watch.remove()
    assert encoded == [2] * 4


def test_little_memory_makes_them_as_well(small: HotshotModel) -> None:
    low = load_model(str(small_model()), device=CPU, dtype=small.dtype, low_vram=True)
    for seed, frames in together(low, FOUR).frames.items():
        assert_alike(frames, alone(small, FOUR, seed))
