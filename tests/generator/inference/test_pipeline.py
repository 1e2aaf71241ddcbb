"""Requests become the very frames that the original made of them, and stop when told to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from generator.checkpoints.inspect.temporal_names import is_temporal
from generator.contract.bounds import SCHEDULERS
from generator.contract.errors import CancelledError, OutOfMemoryError
from generator.contract.messages import Request
from generator.inference.pipeline import HotshotPipeline, memory_errors
from generator.inference.stages.decoding import decode, pictures_that_fit, to_levels
from generator.inference.stages.encoding import encode_prompt
from generator.inference.stages.frame_stages import to_frames
from generator.model.loading import HotshotModel, load_model
from tests.generator.reference import CPU, TINY, arguments, recorded, request_of, silent
from tests.generator.small_model import small_model

VIDEOS = (
    *(pytest.param(case, marks=pytest.mark.slow) for case in ("text_to_gif", "wide_16_frames")),
    *(pytest.param("euler", marks=pytest.mark.slow), "guidance", "single_frame"),
)

QUICK = Request(
    prompt="the cat", seed=1, width=64, height=64, steps=2, guidance_scale=1.0, video_length=2
)


def assert_as_recorded(model: HotshotModel, case: str) -> None:
    videos, pipeline = recorded("videos"), HotshotPipeline(model)
    latents = pipeline.latents(request_of(case), report=silent)
    frames = to_frames(to_levels(torch.cat([*decode(model, latents, silent)])))
    assert float((latents - videos[f"{case}.latents"]).abs().max()) < 2e-3
    apart = np.abs(frames.astype(int) - videos[case].numpy().astype(int))
    assert (apart <= 1).mean() >= 0.999


@pytest.mark.parametrize("case", VIDEOS)
def test_frames_are_the_original_s(tiny: HotshotModel, case: str) -> None:
    assert_as_recorded(tiny, case)


@pytest.mark.slow
def test_another_sdxl_s_spatial_layers_with_our_temporal_ones(tmp_path: Path) -> None:
    """The recorded base: the same spatial weights x 0.97, in the layout of a plain SDXL."""
    base = tmp_path / "base" / "unet"
    base.mkdir(parents=True)
    tensors = load_file(TINY / "unet" / "diffusion_pytorch_model.safetensors")
    spatial = {
        name: value.float() * 0.97 for name, value in tensors.items() if not is_temporal(name)
    }
    save_file(spatial, base / "diffusion_pytorch_model.safetensors")
    config = '{"_class_name": "UNet2DConditionModel", "addition_embed_type": "text_time"}'
    (base / "config.json").write_text(config, encoding="utf-8")
    for given in (base.parent, base):  # the whole SDXL directory, or its unet alone
        model = load_model(str(TINY), spatial_unet_base=str(given), device=CPU, dtype=torch.float32)
    assert_as_recorded(model, "spatial_base")


def test_text_is_encoded_as_the_original_did(tiny: HotshotModel) -> None:
    expected = recorded("text_encode")
    with torch.inference_mode():
        encoded = tiny.text.encode_guided("the red ball in a dog", "blurry")
    for ours, name in (
        (encoded.hidden[:1], "negative_prompt_embeds"),
        (encoded.hidden[1:], "prompt_embeds"),
        (encoded.pooled[:1], "negative_pooled"),
        (encoded.pooled[1:], "pooled"),
    ):
        torch.testing.assert_close(ours, expected[name], rtol=1e-4, atol=1e-5)


def test_no_negative_prompt_is_zeros(small: HotshotModel) -> None:
    with torch.inference_mode():
        encoded = small.text.encode_guided("a cat", None)
        alone = small.text.encode(["a cat"])
    assert not encoded.hidden[0].any()
    assert not encoded.pooled[0].any()
    torch.testing.assert_close(encoded.hidden[1:], alone.hidden)


def test_an_empty_negative_prompt_is_a_text_without_words(small: HotshotModel) -> None:
    with torch.inference_mode():
        encoded = small.text.encode_guided("a cat", "")
        both = small.text.encode(["", "a cat"])
    assert encoded.hidden[0].any()
    assert encoded.pooled[0].any()
    assert torch.equal(encoded.hidden, both.hidden)
    assert torch.equal(encoded.pooled, both.pooled)


def test_a_model_that_zeroes_no_text_takes_none_for_an_empty_one(small: HotshotModel) -> None:
    """The original's ``force_zeros_for_empty_prompt``, off: there both mean the same."""
    without = replace(small, text=replace(small.text, force_zeros_for_empty_prompt=False))
    frames = [
        HotshotPipeline(model)(
            replace(QUICK, guidance_scale=7.0, negative_prompt=negative), report=silent
        )
        for model, negative in ((without, None), (without, ""), (small, ""), (small, None))
    ]
    assert np.array_equal(frames[0], frames[1])
    assert np.array_equal(frames[0], frames[2])
    assert not np.array_equal(frames[0], frames[3])


def test_sizes_are_told_as_width_and_height(small: HotshotModel) -> None:
    request = replace(QUICK, original_size=(1920, 1080), target_size=(512, 256))
    with torch.inference_mode():
        told = encode_prompt(small, request)
    assert told.time_ids.tolist() == [[1920, 1080, 0, 0, 512, 256]]
    assert not told.is_guided


@pytest.mark.parametrize(("width", "height"), [(104, 72), (56, 88), (40, 136)])
def test_sizes_off_the_multiples_of_32(small: HotshotModel, width: int, height: int) -> None:
    request = replace(QUICK, width=width, height=height)
    frames = HotshotPipeline(small)(request, report=silent)
    assert frames.shape == (2, height, width, 3)
    assert frames.dtype == np.uint8


@pytest.mark.slow
def test_seed_0_is_a_seed_and_the_largest_is_one(small: HotshotModel) -> None:
    pipeline = HotshotPipeline(small)

    def made(seed: int) -> bytes:
        return pipeline(replace(QUICK, seed=seed), report=silent).tobytes()

    assert made(0) == made(0)
    assert len({made(seed) for seed in (0, 1, 455, 2**64 - 1)}) == 4


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_every_scheduler_comes_to_an_end(small: HotshotModel, scheduler: str) -> None:
    request = replace(QUICK, scheduler=scheduler, steps=3)
    latents = HotshotPipeline(small).latents(request, report=silent)
    assert latents.isfinite().all()
    assert latents.std() > 0.01


def test_without_guidance_the_network_runs_for_one_clip(small: HotshotModel) -> None:
    batches: list[int] = []
    watch = small.unet.conv_in.register_forward_hook(
        lambda _module, arguments, _output: batches.append(arguments[0].shape[0])
    )
    try:
        for guidance_scale in (0.0, 1.0, 1.5):
            request = replace(QUICK, guidance_scale=guidance_scale, steps=1)
            HotshotPipeline(small).latents(request, report=silent)
    finally:
        watch.remove()
    assert batches == [2, 2, 4]


@pytest.mark.parametrize(
    ("start", "end", "guided"),
    [
        (0.0, 1.0, [1, 1, 1, 1]),
        (0.25, 0.75, [0, 1, 1, 0]),
        (0.0, 0.5, [1, 1, 0, 0]),
        (0, 0, [0] * 4),
    ],
)
def test_guidance_in_a_span_of_steps_costs_no_more_than_that(
    small: HotshotModel, start: float, end: float, guided: list[int]
) -> None:
    batches: list[int] = []
    watch = small.unet.conv_in.register_forward_hook(
        lambda _module, arguments, _output: batches.append(arguments[0].shape[0])
    )
    request = replace(QUICK, guidance_scale=4.0, steps=4, guidance_start=start, guidance_end=end)
    try:
        latents = HotshotPipeline(small).latents(request, report=silent)
    finally:
        watch.remove()
    assert batches == [4 if this else 2 for this in guided]
    if not any(guided):
        plain = replace(request, guidance_scale=1.0, guidance_end=1.0)
        assert torch.equal(latents, HotshotPipeline(small).latents(plain, report=silent))


def test_every_step_is_reported_in_order(small: HotshotModel) -> None:
    heard: list[tuple[str, int, int]] = []
    HotshotPipeline(small)(
        replace(QUICK, steps=3),
        report=lambda stage, step, steps: heard.append((stage, step, steps)),
    )
    others = [stage for stage, _, _ in heard if stage != "denoise"]
    assert others == ["encode_prompt", "draw_noise", "decode", "to_frames"]
    assert [(step, steps) for stage, step, steps in heard if stage == "denoise"] == [
        (1, 3),
        (2, 3),
        (3, 3),
    ]


@pytest.mark.parametrize("at", [("encode_prompt", 1), ("denoise", 2), ("decode", 1)])
def test_cancelled_between_two_steps(small: HotshotModel, at: tuple[str, int]) -> None:
    heard: list[tuple[str, int]] = []

    def report(stage: str, step: int, _steps: int) -> None:
        heard.append((stage, step))
        if (stage, step) == at:
            raise CancelledError("Cancelled.")

    with pytest.raises(CancelledError):
        HotshotPipeline(small)(replace(QUICK, steps=4), report=report)
    assert heard[-1] == at


def test_decoding_in_chunks_makes_the_same_frames(
    small: HotshotModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = HotshotPipeline(small)
    latents = pipeline.latents(replace(QUICK, video_length=5), report=silent)
    whole = torch.cat([*decode(small, latents, silent)])
    monkeypatch.setattr("generator.inference.stages.decoding.AT_ONCE", 2 * 64 * 64)
    heard: list[int] = []
    chunked = torch.cat([*decode(small, latents, lambda _stage, step, _steps: heard.append(step))])
    assert heard == [1, 2, 3]
    torch.testing.assert_close(chunked, whole, rtol=1e-4, atol=1e-4)


def test_where_memory_runs_out_fewer_pictures_are_decoded_together(small: HotshotModel) -> None:
    latents = HotshotPipeline(small).latents(replace(QUICK, video_length=5), report=silent)
    whole, fits, sizes, heard = torch.cat([*decode(small, latents, silent)]), 1, [], []

    def fill_memory(_decoder: nn.Module, given: tuple[torch.Tensor, ...]) -> None:
        sizes.append(len(given[0]))
        if len(given[0]) > fits:
            torch.empty(1 << 60, dtype=torch.uint8)  # the CPU's own error

    def report(_stage: str, step: int, steps: int) -> None:
        heard.append((step, steps))

    hook = small.vae.decoder.register_forward_pre_hook(fill_memory)
    try:
        chunked = torch.cat([*decode(small, latents, report)])
        fits = 0
        with pytest.raises(RuntimeError, match="memory"):
            next(decode(small, latents, silent))
    finally:
        hook.remove()
    assert sizes[:8] == [5, 3, 2, 1, 1, 1, 1, 1]
    assert heard == [(step, 5) for step in range(1, 6)]
    torch.testing.assert_close(chunked, whole, rtol=1e-4, atol=1e-4)


def test_a_gpu_decodes_as_many_pictures_as_it_has_memory_for(small: HotshotModel) -> None:
    pixels, free = 512 * 512, 8 << 30
    many = pictures_that_fit(small.vae, pixels, free)
    assert many > 1
    assert pictures_that_fit(small.vae, 4 * pixels, free) == many // 4
    assert pictures_that_fit(small.vae, pixels, 0) == 1


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_low_precision_makes_a_similar_gif(small: HotshotModel, dtype: torch.dtype) -> None:
    low = load_model(str(small_model()), device=CPU, dtype=dtype)
    assert low.unet.dtype == dtype
    # SDXL's VAE overflows in half precision, and this one's config says so too.
    assert low.vae.dtype == (torch.float32 if dtype == torch.float16 else dtype)
    request = replace(QUICK, guidance_scale=3.0)
    exact = HotshotPipeline(small)(request, report=silent).astype(int)
    frames = HotshotPipeline(low)(request, report=silent).astype(int)
    assert np.abs(frames - exact).mean() < 4


def test_no_room_is_one_sentence_and_other_errors_stay(small: HotshotModel) -> None:
    with pytest.raises(OutOfMemoryError, match="2 frames of 64 x 64"), memory_errors(QUICK, small):
        torch.empty(2**60, dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="must match"), memory_errors(QUICK, small):
        torch.ones(2) + torch.ones(3)


def test_the_recorded_cases_are_what_they_claim() -> None:
    assert arguments("guidance")["guidance_rescale"] == 0.7
    assert request_of("spatial_base") == request_of("text_to_gif")
