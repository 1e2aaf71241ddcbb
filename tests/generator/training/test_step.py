"""The recorded fine-tuning step of the original holds."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import torch
from diffusers import DDPMScheduler

from generator.model.loading import HotshotModel
from generator.training import step
from tests.generator.reference import REFERENCE, recorded


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    values: dict[str, Any] = json.loads((REFERENCE / "golden" / "train_step.json").read_text())
    return values


@pytest.fixture(scope="module")
def tensors() -> dict[str, torch.Tensor]:
    return recorded("train_step")


@pytest.fixture(scope="module")
def batch(tensors: dict[str, torch.Tensor]) -> step.Batch:
    return step.Batch(
        latents=tensors["latents"],
        noise=tensors["noise"],
        timesteps=tensors["timesteps"],
        prompt_embeds=tensors["encoder_hidden_states"],
        text_embeds=tensors["text_embeds"],
        time_ids=tensors["time_ids"],
    )


@pytest.fixture
def schedule(tiny: HotshotModel) -> DDPMScheduler:
    names = ("beta_start", "beta_end", "beta_schedule")
    return DDPMScheduler(**{name: tiny.scheduler_config[name] for name in names})


@pytest.mark.slow
def test_prediction_losses_and_gradient(
    tiny: HotshotModel,
    schedule: DDPMScheduler,
    batch: step.Batch,
    tensors: dict[str, torch.Tensor],
    expected: dict[str, Any],
) -> None:
    unet = copy.deepcopy(tiny.unet)
    temporal = [parameter.requires_grad_() for parameter in unet.temporal_parameters()]
    assert len(temporal) == expected["n_temporal"]
    assert sum(parameter.numel() for parameter in temporal) == expected["n_temporal_params"]
    prediction = step.predict(unet, schedule, batch)
    recorded_prediction = tensors["pred"]
    off = (prediction - recorded_prediction).norm() / recorded_prediction.norm()
    assert off < 1e-5
    loss = step.loss(prediction, schedule, batch)
    assert loss.item() == pytest.approx(expected["mse"], rel=1e-5)
    for gamma in (1, 5):
        weighted = step.loss(prediction, schedule, batch, snr_gamma=gamma)
        assert weighted.item() == pytest.approx(expected[f"snr_gamma_{gamma}"], rel=1e-4)
    gradients = torch.autograd.grad(loss, temporal)
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    assert norm.item() == pytest.approx(expected["grad_norm"], rel=1e-4)


def test_velocity_is_the_target_where_the_schedule_says_so(batch: step.Batch) -> None:
    schedule = DDPMScheduler(prediction_type="v_prediction", rescale_betas_zero_snr=True)
    pure = step.Batch(
        latents=batch.latents,
        noise=batch.noise,
        timesteps=torch.tensor([999, 999]),
        prompt_embeds=batch.prompt_embeds,
        text_embeds=batch.text_embeds,
        time_ids=batch.time_ids,
    )
    torch.testing.assert_close(step.target(schedule, pure), -pure.latents, atol=1e-3, rtol=0)


def test_an_unknown_target_is_refused(batch: step.Batch) -> None:
    schedule = DDPMScheduler(prediction_type="sample")
    with pytest.raises(ValueError, match="sample"):
        step.target(schedule, batch)
