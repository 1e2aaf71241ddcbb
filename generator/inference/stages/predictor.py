"""What the networks say of noisy latents at one step: of the whole clip at once, or otherwise.

A predictor sees all frames and may show the networks a part of them at a time, by
``StepInputs.window``. It keeps the latents' shape, and knows neither schedulers nor noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from generator.contract.messages import Request
from generator.model.conditioning import Conditioning
from generator.model.controlnet import ClipControl, combined_residuals
from generator.model.loading import HotshotModel
from generator.model.switches import perturbed_attention


@dataclass(frozen=True, slots=True)
class StepInputs:
    """What the networks are told at one step beside the latents.

    ``step`` of ``steps`` is counted from 0, ``timestep`` is the schedule's, where the networks are.
    ``conditioning`` is of the prompt alone where the step isn't guided; ``controls`` are those that
    act in it.
    """

    step: int
    steps: int
    timestep: Tensor
    conditioning: Conditioning
    controls: tuple[ClipControl, ...] = ()

    def window(self, frames: Sequence[int]) -> StepInputs:
        """Return what is told of these frames alone; sizes are told of a clip as a whole.

        What the clip begins from is in the latents, which the predictor cuts itself.
        """
        controls = tuple(control.window(frames) for control in self.controls)
        return replace(self, controls=controls, conditioning=self.conditioning.window(frames))


class Predictor(Protocol):
    """Says what the noise in a clip is, or whatever else the model was trained to predict."""

    def predict(self, latents: Tensor, inputs: StepInputs) -> Tensor:
        """Return the guided prediction, float32, for latents (n, 4, f, h/8, w/8) of variance one.

        The n clips share what is told of them, and nothing else: none may change another.
        Raises nothing of its own; out of memory comes as the device's own error.
        """


_AT_ONCE = 8 * 64 * 64  # latents' places that two texts are told of together, in low memory

PredictorFactory = Callable[[HotshotModel, Request], Predictor]
"""Called once for the denoising of a pass."""


@dataclass(frozen=True, slots=True)
class WholeClip:
    """Shows the UNet all frames together, as Hotshot-XL was trained.

    Where memory is low, a large clip is asked about first without the prompt and then with it.
    """

    model: HotshotModel
    request: Request

    def predict(self, latents: Tensor, inputs: StepInputs) -> Tensor:
        """Return what the UNet says of clips, guided away from the negative prompt; float32.

        With perturbed-attention guidance also away from what is said without the middle's shapes.
        """
        conditioning = inputs.conditioning
        if self._is_apart(latents):
            told = [replace(inputs, conditioning=one) for one in conditioning.by_text]
            predicted = torch.cat([self._predicted(latents, one) for one in told])
        else:
            predicted = self._predicted(latents, inputs)
        pag_scale = self.request.pag_scale
        if not (conditioning.is_guided or pag_scale):
            return predicted
        guided = conditional = predicted
        if conditioning.is_guided:
            unconditional, conditional = predicted.chunk(2)
            guided = unconditional + self.request.guidance_scale * (conditional - unconditional)
        if pag_scale:
            guided = guided + pag_scale * (conditional - self._perturbed(latents, inputs))
        amount = self.request.guidance_rescale
        pairs = zip(torch.split(guided, 1), torch.split(conditional, 1), strict=True)
        return torch.cat([_rescaled(clip, unguided, amount) for clip, unguided in pairs])

    def _perturbed(self, latents: Tensor, inputs: StepInputs) -> Tensor:
        """Return what the UNet says to the prompt where its middle sees no shapes."""
        told = replace(inputs, conditioning=inputs.conditioning.conditional)
        with perturbed_attention(self.model.unet):
            return self._predicted(latents, told, is_perturbed=True)

    def _is_apart(self, latents: Tensor) -> bool:
        """Return whether there is too little memory to ask about both texts together."""
        offloader = self.model.offloader
        is_large = latents[:, 0].numel() > _AT_ONCE
        return offloader.splits_texts or (offloader.is_enabled and is_large)

    def _predicted(
        self, latents: Tensor, inputs: StepInputs, *, is_perturbed: bool = False
    ) -> Tensor:
        """Return what the UNet says of each clip of the batch, float32."""
        conditioning = inputs.conditioning
        texts = conditioning.time_ids.shape[0]
        batch = latents.expand(texts, *latents.shape).flatten(0, 1).to(self.model.dtype)
        residuals = combined_residuals(inputs.controls, batch, inputs.timestep, conditioning)
        return self.model.runner.predict(
            batch, inputs.timestep, conditioning, residuals, is_perturbed=is_perturbed
        ).float()


def _rescaled(guided: Tensor, conditional: Tensor, amount: float) -> Tensor:
    """Give one clip's guided prediction some of its unguided spread back (Lin et al. 2023, 3.4)."""
    if amount == 0:
        return guided
    factor = conditional.std() / guided.std()
    return guided * (amount * factor + (1 - amount))
