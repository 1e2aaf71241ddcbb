"""A predictor for clips longer than a window, which shows the networks a few frames at a time.

What windows say of a frame is averaged, each by how near to its middle the frame is. Memory is that
of one window, whatever the clip's length. Knows nothing of how windows are chosen
(``generator.contract.windows``).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from generator.contract.messages import Request
from generator.contract.windows import WindowPlan, plan_of, pyramid
from generator.inference.stages.predictor import Predictor, StepInputs, WholeClip
from generator.model.loading import HotshotModel


@dataclass(frozen=True, slots=True)
class WindowedPredictor:
    """Asks ``inner`` about one window after the other."""

    inner: Predictor
    plan: WindowPlan

    def predict(self, latents: Tensor, inputs: StepInputs) -> Tensor:
        """Return the weighted mean of what is said of each frame in the windows of this step.

        Of a frame that is in none, since it is kept, nothing is said: zeros.
        """
        total = torch.zeros_like(latents)
        weight = latents.new_zeros(latents.shape[2], 1, 1)
        for window in self.plan.windows(inputs.step, inputs.steps):
            frames = list(window)
            counts = latents.new_tensor(pyramid(len(frames)))[:, None, None]
            said = self.inner.predict(latents[:, :, frames], inputs.window(frames))
            total[:, :, frames] += said * counts
            weight[frames] += counts
        return total / weight.clamp(min=1)


def make_predictor(model: HotshotModel, request: Request) -> Predictor:
    """Return a request's predictor: of the whole clip at once wherever that isn't longer."""
    whole, plan = WholeClip(model, request), plan_of(request)
    return whole if plan is None else WindowedPredictor(whole, plan)
