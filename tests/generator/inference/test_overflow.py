"""Numbers that overflow never become a black GIF: once more in float32, or one sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from generator.contract.errors import ModelError
from generator.contract.messages import ChosenStage, Lora
from generator.contract.stages import UPSCALE
from generator.inference.overflow import FiniteWatch, NotFiniteError
from generator.inference.pipeline import HotshotPipeline
from generator.inference.stages.denoising import Denoise, DrawNoise
from generator.inference.stages.stage import PipelineState
from generator.model.conditioning import Conditioning
from generator.model.loading import HotshotModel, load_model
from generator.model.text_encoding import EncodedText
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.inference.test_stages import two_requests
from tests.generator.model.test_loading import edit_json, edit_weights
from tests.generator.reference import CPU, silent
from tests.generator.small_model import small_model

UNET = "unet/diffusion_pytorch_model.safetensors"
VAE = "vae/diffusion_pytorch_model.safetensors"
TOO_LARGE = 3e5  # times what it is; half precision ends at 65,504


def load(directory: Path, dtype: torch.dtype = torch.float16) -> HotshotModel:
    return load_model(str(directory), device=CPU, dtype=dtype)


def weights_of(model: HotshotModel) -> dict[str, torch.Tensor]:
    return {
        f"{part}.{name}": value.clone()
        for part, network in model.networks.items()
        for name, value in network.state_dict().items()
    }


def grown(name: str) -> Callable[[dict[str, torch.Tensor]], None]:
    """So large that half precision overflows behind it, and a norm follows that undoes it."""

    def change(tensors: dict[str, torch.Tensor]) -> None:
        tensors[name] = (tensors[name].float() * TOO_LARGE).clamp(-6e4, 6e4).half()

    return change


def spoilt(name: str) -> Callable[[dict[str, torch.Tensor]], None]:
    def change(tensors: dict[str, torch.Tensor]) -> None:
        tensors[name].view(-1)[0] = float("nan")

    return change


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "name"), [(UNET, "conv_in.weight"), (VAE, "decoder.conv_in.weight")]
)
def test_what_overflows_in_half_precision_is_made_in_float32(
    copy_of_small: Path, file: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    edit_weights(copy_of_small / file, grown(name))
    edit_json(copy_of_small / "vae/config.json", force_upcast=False)
    half = load(copy_of_small)
    before = weights_of(half)
    with caplog.at_level("WARNING"):
        frames = HotshotPipeline(half)(QUICK, report=silent)
    assert "once more in f32" in caplog.text
    wide = HotshotPipeline(load(copy_of_small, torch.float32))(QUICK, report=silent)
    # The stage that didn't overflow was computed in half precision.
    assert np.abs(frames.astype(int) - wide.astype(int)).mean() < 3
    assert wide.std() > 1
    after = weights_of(half)
    assert all(torch.equal(before[each], after[each]) for each in before)
    assert np.array_equal(HotshotPipeline(half)(QUICK, report=silent), frames)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
@pytest.mark.parametrize(
    ("file", "name", "part"),
    [
        (UNET, "conv_out.weight", "The UNet"),
        (VAE, "decoder.conv_out.weight", "The VAE"),
        (
            "text_encoder/model.safetensors",
            "text_model.encoder.layers.0.mlp.fc1.weight",
            "The first text encoder",
        ),
    ],
)
def test_a_damaged_file_is_named(
    copy_of_small: Path, file: str, name: str, part: str, dtype: torch.dtype
) -> None:
    edit_weights(copy_of_small / file, spoilt(name))
    with pytest.raises(ModelError, match=f"{part} of model holds numbers that aren't finite"):
        HotshotPipeline(load(copy_of_small, dtype))(QUICK, report=silent)


def a_lora(path: Path, size: float) -> Lora:
    """One that adds a constant to the first layer's weights."""
    up, down = torch.full((32, 1, 1, 1), size), torch.ones(1, 4, 3, 3)
    names = ("lora_unet_conv_in.lora_up.weight", "lora_unet_conv_in.lora_down.weight")
    save_file(dict(zip(names, (up, down), strict=True)), path)
    return Lora(str(path))


@pytest.mark.slow
def test_a_lora_that_only_half_precision_can_t_hold(tmp_path: Path) -> None:
    request = replace(QUICK, loras=(a_lora(tmp_path / "strong.safetensors", 1e5),))
    half = load(small_model())
    before = weights_of(half)
    frames = HotshotPipeline(half)(request, report=silent)
    wide = HotshotPipeline(load(small_model(), torch.float32))(request, report=silent)
    assert np.abs(frames.astype(int) - wide.astype(int)).mean() < 3
    after_loras = HotshotPipeline(half)(QUICK, report=silent)
    assert all(torch.equal(before[each], after) for each, after in weights_of(half).items())
    assert np.array_equal(HotshotPipeline(load(small_model()))(QUICK, report=silent), after_loras)


@pytest.mark.slow
def test_a_second_pass_overflows_as_a_second_request_does(tmp_path: Path) -> None:
    request = replace(QUICK, loras=(a_lora(tmp_path / "strong.safetensors", 1e5),))
    half, reports = load(small_model()), 0

    def report(stage: str, _step: int, _steps: int) -> None:
        nonlocal reports
        reports += stage == "draw_noise"

    upscaled = replace(request, stages=(ChosenStage(UPSCALE, 0.4),))
    frames = HotshotPipeline(half)(upscaled, report=report)
    assert reports == 4  # both passes once more
    assert np.array_equal(frames, two_requests(HotshotPipeline(half), upscaled, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_a_lora_that_nothing_can_hold_is_named(tmp_path: Path, dtype: torch.dtype) -> None:
    request = replace(QUICK, loras=(a_lora(tmp_path / "burnt.safetensors", 3e37),))
    model = load(small_model(), dtype)
    with pytest.raises(
        ModelError, match=r"With .*burnt.safetensors \(1\), numbers overflow"
    ) as told:
        HotshotPipeline(model)(request, report=silent)
    assert "f32" in str(told.value)
    assert HotshotPipeline(model)(QUICK, report=silent).std() > 1  # and the next is made


def test_in_half_precision_it_is_noticed_one_step_later() -> None:
    half = load(small_model())
    steps: list[int] = []

    def report(stage: str, step: int, _steps: int) -> None:
        if stage == "denoise":
            steps.append(step)

    def spoil(_network: object, _given: object, result: tuple[torch.Tensor]) -> object:
        return (result[0] * float("inf"),) if len(steps) == 2 else result

    hook = half.unet.register_forward_hook(spoil)
    try:
        with pytest.raises(NotFiniteError):
            HotshotPipeline(half).latents(replace(QUICK, steps=10), report=report)
    finally:
        hook.remove()
    assert steps == [1, 2, 3]


def test_the_last_step_is_looked_at_too() -> None:
    watch = FiniteWatch()
    watch.note(torch.zeros(3))
    watch.note(torch.zeros(3), torch.tensor([0.0, float("nan")]))
    with pytest.raises(NotFiniteError):
        watch.finish()


@pytest.mark.slow
def test_nothing_waits_for_the_device_in_the_loop() -> None:
    """What is on the meta device can't be read by anybody: only the last look does, and fails."""
    absent = load_model(str(small_model()), device=torch.device("meta"), dtype=torch.bfloat16)
    request = replace(QUICK, steps=3)
    encoded = EncodedText(
        torch.empty(2, 77, absent.unet.config.cross_attention_dim, device="meta").bfloat16(),
        torch.empty(2, absent.text.encoders[1].config.projection_dim, device="meta").bfloat16(),
    )
    state = PipelineState(
        model=absent,
        request=request,
        conditioning=Conditioning(encoded, torch.empty(2, 6, device="meta")),
    )
    steps: list[int] = []
    with torch.inference_mode(), pytest.raises(RuntimeError, match="meta"):
        Denoise().run(
            DrawNoise().run(state, silent), lambda _stage, step, _steps: steps.append(step)
        )
    assert steps == [1, 2, 3]


def test_a_black_picture_is_no_mistake(small: HotshotModel) -> None:
    hook = small.vae.decoder.register_forward_hook(
        lambda _network, _given, result: torch.full_like(result, -1.0)
    )
    try:
        frames = HotshotPipeline(small)(QUICK, report=silent)
    finally:
        hook.remove()
    assert frames.max() == 0
