"""One training step of a Hotshot-XL UNet: noise in, prediction out, loss.

Knows neither data sets nor optimisers; fine-tuning and the training of nano both call it.
"""

from __future__ import annotations

from dataclasses import dataclass

from diffusers import DDPMScheduler
from torch import Tensor

from generator.model.unet import HotshotUNet


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Everything that one step needs; nothing is drawn inside."""

    latents: Tensor  # (b, 4, f, h, w), scaled as the UNet takes them
    noise: Tensor  # (b, 4, f, h, w)
    timesteps: Tensor  # (b,) whole numbers
    prompt_embeds: Tensor  # (b, 77, d)
    text_embeds: Tensor  # (b, p)
    time_ids: Tensor  # (b, 6)


def predict(unet: HotshotUNet, schedule: DDPMScheduler, batch: Batch) -> Tensor:
    """Return the network's output (b, 4, f, h, w) for the noisy clips."""
    noisy = schedule.add_noise(batch.latents, batch.noise, batch.timesteps)
    conditions = {"text_embeds": batch.text_embeds, "time_ids": batch.time_ids}
    (prediction,) = unet(
        noisy,
        batch.timesteps,
        batch.prompt_embeds,
        added_cond_kwargs=conditions,
        return_dict=False,
    )
    output: Tensor = prediction
    return output


def target(schedule: DDPMScheduler, batch: Batch) -> Tensor:
    """Return what the prediction should be, (b, 4, f, h, w), by the schedule's ``prediction_type``.

    Raises ValueError for a type other than epsilon and v_prediction.
    """
    kind = schedule.config.prediction_type
    if kind == "epsilon":
        return batch.noise
    if kind == "v_prediction":
        velocity: Tensor = schedule.get_velocity(batch.latents, batch.noise, batch.timesteps)
        return velocity
    raise ValueError(f"prediction_type {kind!r} can't be trained; use epsilon or v_prediction")


def loss(
    prediction: Tensor, schedule: DDPMScheduler, batch: Batch, *, snr_gamma: float | None = None
) -> Tensor:
    """Return the mean squared error, a scalar; with ``snr_gamma`` weighted as in Min-SNR.

    Hang et al., "Efficient Diffusion Training via Min-SNR Weighting Strategy" (2023).
    """
    errors = (prediction.float() - target(schedule, batch).float()).square()
    if snr_gamma is None:
        return errors.mean()
    weights = snr_weights(schedule, batch.timesteps, snr_gamma)
    return (errors.mean(dim=tuple(range(1, errors.ndim))) * weights).mean()


def snr_weights(schedule: DDPMScheduler, timesteps: Tensor, gamma: float) -> Tensor:
    """Return Min-SNR's weights (b,): min(SNR, gamma) / SNR, or / (SNR + 1) where v is predicted."""
    remaining = schedule.alphas_cumprod.to(timesteps.device)[timesteps]
    snr = remaining / (1 - remaining)
    over = snr + 1 if schedule.config.prediction_type == "v_prediction" else snr
    weights: Tensor = snr.clamp(max=gamma) / over
    return weights
