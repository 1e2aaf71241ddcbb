"""Consistency distillation: who sees the clean clip everywhere has nothing more to learn."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from generator.contract.limits import NANO, ModelLimits
from tools.nano import clips, consistency, unet
from tools.nano.geometries import Bucket
from tools.nano.step_inputs import RandomInputs

pytestmark = pytest.mark.slow

BUCKET = Bucket(2, 32, 32)


class _SeesThroughNoise(nn.Module):
    """Predicts the velocity of clips that it knows, plus what it is wrong by."""

    def __init__(self, clean: Tensor, error: float) -> None:
        super().__init__()
        self.clean = clean
        self.error = nn.Parameter(torch.tensor(error))
        self.kept = unet.noise_schedule().alphas_cumprod

    def forward(self, noisy: Tensor, timesteps: Tensor, *_: Any, **__: Any) -> tuple[Tensor]:
        kept = self.kept[timesteps][:, None, None, None, None]
        velocity = (kept.sqrt() * noisy - self.clean) / (1 - kept).sqrt()
        return (velocity + self.error * torch.sin(0.1 * timesteps)[:, None, None, None, None],)


class _Tables:
    """Has one batch, always; says how captions were dropped."""

    device = torch.device("cpu")

    def __init__(self, clean: Tensor) -> None:
        count = len(clean)
        self._batch = clips.ClipBatch(
            clean, torch.ones(count, 77, 160), torch.ones(count, 96), torch.ones(count, 6)
        )

    def batch(self, _: Bucket, chances: Tensor) -> clips.ClipBatch:
        assert (chances[:, clips.DROPS] == 1).all()
        return self._batch


def _loss(network: Any, clean: Tensor) -> Tensor:
    tables: Any = _Tables(clean)
    loss_of = consistency.ConsistencyLoss(network, tables, {BUCKET: 1.0}, ModelLimits.of(NANO))
    inputs = RandomInputs(
        torch.rand(24, clips.CHANCES + unet.TIME_CHANCES), torch.randn_like(clean)
    )
    return loss_of(BUCKET, inputs)


@pytest.mark.parametrize("error", [0.0, 0.3])
def test_a_perfect_network_has_no_loss(error: float) -> None:
    torch.manual_seed(0)
    clean = torch.randn(24, 4, 2, 4, 4)
    network: Any = _SeesThroughNoise(clean, error)
    loss = _loss(network, clean)
    assert (loss.item() < 1e-4) == (error == 0)
    loss.backward()  # type: ignore[no-untyped-call]
    assert network.error.grad is not None


def test_who_always_sees_another_clip_is_told_by_what_was_drawn() -> None:
    torch.manual_seed(0)
    clean = torch.randn(24, 4, 2, 4, 4)
    assert _loss(_SeesThroughNoise(clean + 1, 0.0), clean).item() > 0.1
