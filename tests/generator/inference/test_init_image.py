"""A clip that begins from pictures: noised to the right step, encoded as it is decoded, as told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from generator.contract.bounds import SCHEDULERS
from generator.contract.errors import CancelledError, RequestError
from generator.contract.messages import Control, Lora, Request
from generator.inference.pipeline import HotshotPipeline
from generator.inference.stages.encoding import encode_image
from generator.media.clip import Frames
from generator.model.loading import HotshotModel, load_model
from generator.model.schedulers import add_noise, make_scheduler, scheduler_step
from tests.generator.inference.test_pipeline import QUICK
from tests.generator.media.pictures import moving_ball
from tests.generator.model.test_controlnet import shown
from tests.generator.model.test_schedulers import PUBLISHED, ZERO_TERMINAL_SNR
from tests.generator.reference import CPU, silent
from tests.generator.small_model import CONTROLNET, LORA, small_model

FROM_IMAGE = replace(QUICK, image="ball.png", image_strength=0.5, steps=4)


def made(
    model: HotshotModel, request: Request, init_image: Frames | None, **more: Any
) -> torch.Tensor:
    return HotshotPipeline(model).latents(request, report=silent, init_image=init_image, **more)


# -- the way from there ----------------------------------------------------------------------------


def led_back_by_an_oracle(name: str, config: dict[str, Any], made: int) -> tuple[float, float]:
    """How far a clip ends from the picture that a network knows, and how noisy it began."""
    generator = torch.Generator().manual_seed(0)
    picture = torch.randn(1, 4, 2, 8, 8, generator=generator).clamp(-1.5, 1.5)
    noise = torch.randn(picture.shape, generator=generator)
    scheduler = make_scheduler(name, config, 20)
    latents = add_noise(scheduler, picture, noise, made)
    began = 0.0
    for step, timestep in enumerate(scheduler.timesteps[-made:]):
        seen = scheduler.scale_model_input(latents, timestep)
        alpha = scheduler.alphas_cumprod[int(timestep)] ** 0.5
        sigma = (1 - alpha**2) ** 0.5
        if step == 0:
            began = float((seen - alpha * picture - sigma * noise).abs().max())
        said = (seen - alpha * picture) / sigma
        if config["prediction_type"] != "epsilon":
            said = alpha * said - sigma * picture
        latents = scheduler_step(scheduler, said, timestep, latents, generator)
    return float((latents - picture).abs().max()), began


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("config", [PUBLISHED, ZERO_TERMINAL_SNR])
@pytest.mark.parametrize("made", [1, 8, 19, 20])
def test_every_scheduler_begins_at_its_step_and_finds_back(
    name: str, config: dict[str, Any], made: int
) -> None:
    """The network sees just as much noise as its timestep says, pure noise included."""
    off, began = led_back_by_an_oracle(name, config, made)
    # Karras' sigmas lie between the timesteps that the network is told.
    assert began < (0.1 if name == "dpmpp_2m_karras" else 2e-2)
    assert off < 0.2


@pytest.mark.slow
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_weak_stays_near_and_strong_goes_away(small: HotshotModel, scheduler: str) -> None:
    init_image = moving_ball(2, 64, 64)
    request = replace(FROM_IMAGE, scheduler=scheduler, steps=5)
    with torch.inference_mode():
        clean = encode_image(small, init_image, silent)
    weak, strong = (
        made(small, replace(request, image_strength=strength), init_image)
        for strength in (0.2, 1.0)
    )
    assert (weak - clean).abs().mean() < (strong - clean).abs().mean()


def test_where_all_steps_are_made_pure_noise_forgets_the_picture(small: HotshotModel) -> None:
    """On a schedule that ends in pure noise, as nano's does."""
    model = replace(small, scheduler_config=ZERO_TERMINAL_SNR)
    whole = replace(FROM_IMAGE, image_strength=1.0)
    plain = made(model, replace(whole, image=""), None)
    torch.testing.assert_close(
        made(model, whole, moving_ball(2, 64, 64)), plain, rtol=1e-2, atol=1e-2
    )


# -- what is begun from ----------------------------------------------------------------------------


def test_what_is_encoded_is_what_would_be_decoded(small: HotshotModel) -> None:
    """The mean of the VAE's latents, in the UNet's scale."""
    init_image = moving_ball(2, 64, 64)
    with torch.inference_mode():
        ours = encode_image(small, init_image, silent)
        pictures = torch.from_numpy(init_image).permute(0, 3, 1, 2).float() / 127.5 - 1
        theirs = small.vae.encode(pictures).latent_dist.mean * small.vae.config.scaling_factor
    assert ours.shape == (1, 4, 2, 8, 8)
    torch.testing.assert_close(ours[0].transpose(0, 1), theirs, rtol=1e-4, atol=1e-5)


def test_one_picture_is_every_frame_s(small: HotshotModel) -> None:
    one = moving_ball(1, 64, 64)
    repeated = np.concatenate([one, one])
    torch.testing.assert_close(
        made(small, FROM_IMAGE, one), made(small, FROM_IMAGE, repeated), rtol=1e-4, atol=1e-4
    )
    moving = moving_ball(2, 64, 64)
    assert not torch.equal(made(small, FROM_IMAGE, moving), made(small, FROM_IMAGE, repeated))


def test_a_still_from_a_picture_is_made_again(small: HotshotModel) -> None:
    request, init_image = replace(FROM_IMAGE, video_length=1), moving_ball(1, 64, 64)
    assert torch.equal(made(small, request, init_image), made(small, request, init_image))
    assert made(small, request, init_image).shape == (1, 4, 1, 8, 8)


@pytest.mark.slow
def test_with_controlnet_and_lora_and_in_little_memory(small: HotshotModel) -> None:
    low = load_model(str(small_model()), device=CPU, dtype=torch.float32, low_vram=True)
    request = replace(
        FROM_IMAGE,
        guidance_scale=3.0,
        loras=(Lora(str(LORA)),),
        controls=(Control(str(CONTROLNET)),),
        control_source="a.gif",
    )
    init_image, pictures = moving_ball(2, 64, 64), [shown(request=request)]
    exact, saving = (
        made(model, request, init_image, condition_images=pictures) for model in (small, low)
    )
    bare = made(small, replace(request, loras=(), controls=()), init_image)
    small.loras.remove()
    torch.testing.assert_close(saving, exact, rtol=1e-3, atol=1e-3)
    assert not torch.equal(bare, exact)


def test_the_picture_and_what_it_shows_belong_together(small: HotshotModel) -> None:
    with pytest.raises(RequestError, match="belong together"):
        made(small, FROM_IMAGE, None)
    with pytest.raises(RequestError, match="belong together"):
        made(small, QUICK, moving_ball(2, 64, 64))
    with pytest.raises(RequestError, match="resize them to match"):
        made(small, FROM_IMAGE, moving_ball(3, 64, 64))


# -- what is told ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("strength", "steps", "count"),
    [(0.7, 30, 21), (0.4, 30, 12), (0.05, 30, 2), (0.05, 4, 1), (1.0, 7, 7)],
)
def test_steps_really_made(strength: float, steps: int, count: int) -> None:
    request = replace(FROM_IMAGE, image_strength=strength, steps=steps)
    assert request.steps_made == count
    assert replace(request, image="").steps_made == steps


def test_the_steps_told_are_the_steps_made(small: HotshotModel) -> None:
    heard: list[tuple[str, int, int]] = []
    seen: list[tuple[int, int]] = []
    HotshotPipeline(small).latents(
        FROM_IMAGE,
        report=lambda *told: heard.append(told),
        init_image=moving_ball(2, 64, 64),
        preview_callback=lambda _guess, step, steps: seen.append((step, steps)),
    )
    assert heard == [
        ("encode_prompt", 1, 1),
        ("encode_image", 1, 1),
        ("draw_noise", 1, 1),
        ("denoise", 1, 2),
        ("denoise", 2, 2),
    ]
    assert seen == [(1, 2), (2, 2)]


def test_cancelled_while_the_picture_is_encoded(small: HotshotModel) -> None:
    def report(stage: str, _step: int, _steps: int) -> None:
        if stage == "encode_image":
            raise CancelledError("Cancelled.")

    with pytest.raises(CancelledError):
        HotshotPipeline(small).latents(FROM_IMAGE, report=report, init_image=moving_ball(1, 64, 64))


def test_spans_are_parts_of_the_steps_made(small: HotshotModel) -> None:
    batches: list[int] = []
    watch = small.unet.conv_in.register_forward_hook(
        lambda _module, arguments, _output: batches.append(arguments[0].shape[0])
    )
    request = replace(FROM_IMAGE, steps=8, guidance_scale=4.0, guidance_end=0.5)
    try:
        made(small, request, moving_ball(1, 64, 64))
    finally:
        watch.remove()
    assert batches == [4, 4, 2, 2]
