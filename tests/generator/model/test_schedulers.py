"""Samplers walk back to what the network sees, also where the last timestep is pure noise."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from generator.contract.bounds import MAX_STEPS, SCHEDULERS, scheduler_name
from generator.contract.errors import RequestError
from generator.model.schedulers import make_scheduler, scheduler_step

PUBLISHED = {
    "_class_name": "EulerDiscreteScheduler",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "prediction_type": "epsilon",
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "clip_sample": False,
}
ZERO_TERMINAL_SNR = PUBLISHED | {
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
}


def sampled_by_an_oracle(name: str, config: dict[str, Any], steps: int) -> tuple[float, float]:
    """Samples with a network that knows the picture.

    Returns how far the last latents are from it, and the largest prediction's input there was.
    """
    generator = torch.Generator().manual_seed(0)
    picture = torch.randn(1, 4, 2, 8, 8, generator=generator).clamp(-1.5, 1.5)
    scheduler = make_scheduler(name, config, steps)
    latents = torch.randn(picture.shape, generator=generator) * scheduler.init_noise_sigma
    largest = 0.0
    for timestep in scheduler.timesteps:
        seen = scheduler.scale_model_input(latents, timestep)
        largest = max(largest, float(seen.abs().max()))
        alpha = scheduler.alphas_cumprod[int(timestep)] ** 0.5
        sigma = (1 - alpha**2) ** 0.5
        noise = (seen - alpha * picture) / sigma
        velocity = alpha * noise - sigma * picture
        said = noise if config["prediction_type"] == "epsilon" else velocity
        latents = scheduler_step(scheduler, said, timestep, latents, generator)
    return float((latents - picture).abs().max()), largest


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("steps", [1, 2, 8, 20, 61])
def test_zero_terminal_snr_with_v_prediction(name: str, steps: int) -> None:
    off, largest = sampled_by_an_oracle(name, ZERO_TERMINAL_SNR, steps)
    # DDIM's own step back is rounded down, which leaves a little noise where it isn't whole, and
    # TCD ends at the first timestep's noise rather than at none.
    assert off < (0.2 if name in {"ddim", "ddim_trailing", "tcd"} else 1e-3)
    assert largest < 6  # nothing blows up: what the network sees has a spread of about one


@pytest.mark.parametrize("name", SCHEDULERS)
def test_the_published_schedule_with_epsilon(name: str) -> None:
    off, largest = sampled_by_an_oracle(name, PUBLISHED, 30)
    assert off < 0.2
    assert largest < 6


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("config", [PUBLISHED, ZERO_TERMINAL_SNR])
def test_as_many_steps_as_were_asked_for(name: str, config: dict[str, Any]) -> None:
    for steps in range(1, MAX_STEPS + 1):
        scheduler = make_scheduler(name, config, steps)
        timesteps = scheduler.timesteps.tolist()
        assert len(timesteps) == steps
        assert min(timesteps) >= 0
        # Karras' steps may lie closer to each other than the timesteps do.
        distinct = timesteps if name == "dpmpp_2m_karras" else set(timesteps)
        assert timesteps == sorted(distinct, reverse=True)


def test_the_first_trailing_timestep_is_pure_noise() -> None:
    for name in SCHEDULERS:
        scheduler = make_scheduler(name, ZERO_TERMINAL_SNR, 10)
        assert scheduler.timesteps[0] == 999
        assert scheduler.alphas_cumprod[999] < 1e-6


@pytest.mark.parametrize("name", ["euler_a", "dpmpp_sde", "lcm", "tcd"])
def test_noise_on_the_way_comes_from_the_request_s_generator(name: str) -> None:
    def made(seed: int) -> torch.Tensor:
        torch.seed()  # what the global generator draws must not matter
        generator = torch.Generator().manual_seed(seed)
        scheduler = make_scheduler(name, ZERO_TERMINAL_SNR, 4)
        latents: torch.Tensor = torch.ones(1, 4, 2, 8, 8) * scheduler.init_noise_sigma
        for timestep in scheduler.timesteps:
            seen = scheduler.scale_model_input(latents, timestep)
            latents = scheduler_step(scheduler, seen * 0.3, timestep, latents, generator)
        return latents

    torch.testing.assert_close(made(1), made(1), rtol=0, atol=0)
    assert not torch.equal(made(1), made(2))


@pytest.mark.parametrize(
    ("name", "steps", "timesteps"),
    [
        ("lcm_trailing", 4, [999, 749, 499, 249]),  # DMD2's card
        ("euler_trailing", 4, [999, 749, 499, 249]),  # SDXL-Lightning's: "trailing"
        ("ddim_trailing", 8, [999, 874, 749, 624, 499, 374, 249, 124]),  # Hyper-SD's
        ("lcm", 4, [999, 759, 499, 259]),  # LCM's own steps of the 50 that it was taught
        ("tcd", 4, [999, 759, 499, 259]),
    ],
)
def test_distilled_loras_see_the_timesteps_that_they_were_made_for(
    name: str, steps: int, timesteps: list[int]
) -> None:
    for config in (PUBLISHED, ZERO_TERMINAL_SNR):
        assert make_scheduler(name, config, steps).timesteps.tolist() == timesteps


def test_karras_ramp_doesn_t_spend_its_steps_on_pure_noise() -> None:
    scheduler = make_scheduler("dpmpp_2m_karras", ZERO_TERMINAL_SNR, 10)
    assert scheduler.timesteps[0] == 999
    assert len(scheduler.sigmas) == 11
    assert scheduler.sigmas[1] < 20
    assert (scheduler.sigmas.diff() < 0).all()
    known = ((1 - scheduler.alphas_cumprod) / scheduler.alphas_cumprod) ** 0.5
    seen = known[scheduler.timesteps[1:]]
    assert ((seen - scheduler.sigmas[1:-1]).abs() / seen).max() < 0.1


def test_names_of_the_original_s_readme() -> None:
    assert scheduler_name("EulerAncestralDiscreteScheduler") == "euler_a"
    assert scheduler_name("EulerDiscreteScheduler") == "euler"
    assert scheduler_name("DDIMScheduler") == "ddim"
    assert scheduler_name("DPMSolverMultistepScheduler") == "dpmpp_2m"
    assert scheduler_name("EULER_A") == "euler_a"
    assert scheduler_name("UniPCMultistepScheduler") == "unipc"


def test_an_unknown_scheduler_is_one_sentence() -> None:
    with pytest.raises(RequestError, match="no scheduler 'heun'; choose one of euler_a"):
        make_scheduler("heun", PUBLISHED, 10)


def test_one_that_was_stepped_leaves_the_next_as_it_was() -> None:
    noise, generator = torch.randn(1, 4, 1, 8, 8), torch.Generator()
    first, apart = (make_scheduler("unipc", ZERO_TERMINAL_SNR, 4) for _ in range(2))
    latents = [scheduler_step(first, noise, at, noise, generator) for at in first.timesteps[:2]]
    first.timesteps[:] = 0
    other = make_scheduler("unipc", dict(ZERO_TERMINAL_SNR), 4)
    for scheduler in (apart, other):
        again = [
            scheduler_step(scheduler, noise, at, noise, generator) for at in apart.timesteps[:2]
        ]
        assert all(map(torch.equal, latents, again))
