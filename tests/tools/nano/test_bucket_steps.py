"""A step of two processes is the step of one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from tools.nano import training_stage
from tools.nano.geometries import Bucket
from tools.nano.step_inputs import RandomInputs
from tools.nano.training_stage import TrainingStage

pytestmark = pytest.mark.slow


@dataclass
class _LinearLoss:
    """The loss of a linear layer; the second layer is left out of every other step."""

    model: nn.ModuleList
    clips: int

    def choose(self, step: int, rng: np.random.Generator) -> Bucket:
        del rng
        return Bucket(1 + step % 2, 8, 8)

    def make_inputs(self, bucket: Bucket) -> RandomInputs:
        del bucket
        return RandomInputs(torch.empty(self.clips, 2), torch.empty(self.clips, 4))

    def __call__(self, bucket: Bucket, inputs: RandomInputs) -> torch.Tensor:
        values = inputs.normal
        for layer in list(self.model)[: bucket.frames]:
            values = layer(values)
        return (values - inputs.even[:, :1]).square().mean()


@pytest.mark.parametrize("clips", [1, 5])
def test_two_processes_do_what_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clips: int
) -> None:
    learnt = []
    for is_halved in (True, False):
        monkeypatch.setattr(training_stage, "is_halved", lambda is_halved=is_halved: is_halved)
        torch.manual_seed(0)
        model = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        TrainingStage(
            name="test", model=model, parameters=list(model.parameters()), steps=8,
            learning_rate=0.1, seed=0, directory=tmp_path / str(is_halved),
        ).run_buckets(_LinearLoss(model, clips))  # fmt: skip
        learnt.append(model.state_dict())
    for name, value in learnt[0].items():
        torch.testing.assert_close(value, learnt[1][name])
