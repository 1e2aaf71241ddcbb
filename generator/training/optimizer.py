"""What changes the weights: AdamW, its learning-rate schedule, and the weights' moving average.

Knows nothing of losses or of whose weights they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from accelerate import Accelerator
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel
from torch import nn

from generator.contract.errors import TrainingError
from generator.training.settings import RunSettings


class Optimizer:
    """AdamW over ``parameters``, with one learning rate of ``rates`` for each.

    Keeps an exponential moving average (EMA) of the weights where the settings ask for it. Raises
    TrainingError where bitsandbytes is wanted and missing.
    """

    def __init__(
        self,
        parameters: list[nn.Parameter],
        rates: list[float],
        settings: RunSettings,
        accelerator: Accelerator,
        *,
        steps: int,
    ) -> None:
        self._parameters, self._settings, self._accelerator = parameters, settings, accelerator
        self._adam = accelerator.prepare(_make_adam(parameters, rates, settings))
        self._lr_scheduler = get_scheduler(
            settings.lr_scheduler,
            optimizer=self._adam,
            num_warmup_steps=settings.lr_warmup_steps,
            num_training_steps=steps,
        )
        self._ema = _make_ema(parameters, settings)

    @property
    def learning_rate(self) -> float:
        """The rate of the next step; of several, that of the first parameter."""
        rate: float = self._lr_scheduler.get_last_lr()[0]
        return rate

    def zero_grad(self) -> None:
        self._adam.zero_grad()

    def step(self) -> None:
        """Change the weights by their gradients; a scaler may skip the step."""
        self._adam.step()
        if not self._accelerator.optimizer_step_was_skipped:
            self._lr_scheduler.step()
        if self._ema is not None:
            self._ema.step(self._parameters)

    @contextmanager
    def ema_weights(self) -> Iterator[None]:
        """Give the network the averaged weights meanwhile, where an average is kept."""
        if self._ema is None:
            yield
            return
        self._ema.store(self._parameters)
        self._ema.copy_to(self._parameters)
        try:
            yield
        finally:
            self._ema.restore(self._parameters)

    def restart_ema(self) -> None:
        """Begin the average anew with the weights as they are."""
        self._ema = _make_ema(self._parameters, self._settings)

    def state_dict(self) -> dict[str, Any]:
        """Return all that a checkpoint needs beside the weights that are saved for use."""
        scaler, ema = self._accelerator.scaler, self._ema
        return {
            "optimizer": self._adam.state_dict(),
            "schedule": self._lr_scheduler.state_dict(),
            "scaler": scaler.state_dict() if scaler else {},
            # What is saved for use is the average; training goes on from these.
            "weights": [value.detach().cpu() for value in self._parameters] if ema else [],
            "average": ema.state_dict() if ema else {},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a state again. Raises KeyError, ValueError or RuntimeError for another run's."""
        self._adam.load_state_dict(state["optimizer"])
        self._lr_scheduler.load_state_dict(state["schedule"])
        if self._accelerator.scaler and state["scaler"]:
            self._accelerator.scaler.load_state_dict(state["scaler"])
        with torch.no_grad():
            for parameter, value in zip(self._parameters, state["weights"], strict=False):
                parameter.copy_(value)
        if self._ema is not None:
            self._ema.load_state_dict(state["average"])
            self._ema.to(self._accelerator.device)


def base_learning_rate(settings: RunSettings, processes: int) -> float:
    """Return a run's learning rate in so many processes, scaled by its batch where asked for."""
    if not settings.scale_lr:
        return settings.learning_rate
    return settings.learning_rate * settings.batch(processes)


def _make_adam(parameters: list[nn.Parameter], rates: list[float], settings: RunSettings) -> Any:
    """Make an AdamW with one group of parameters for each learning rate."""
    groups = [
        {"params": [p for p, own in zip(parameters, rates, strict=True) if own == rate], "lr": rate}
        for rate in dict.fromkeys(rates)
    ]
    return _adam_class(settings)(
        groups,
        betas=(settings.adam_beta1, settings.adam_beta2),
        weight_decay=settings.adam_weight_decay,
        eps=settings.adam_epsilon,
    )


def _adam_class(settings: RunSettings) -> Any:
    if not settings.use_8bit_adam:
        return torch.optim.AdamW
    try:
        from bitsandbytes.optim import AdamW8bit
    except ImportError as error:
        raise TrainingError(
            "--use-8bit-adam needs bitsandbytes; run 'pip install bitsandbytes', or leave it out."
        ) from error
    return AdamW8bit


def _make_ema(parameters: list[nn.Parameter], settings: RunSettings) -> EMAModel | None:
    return EMAModel(parameters, decay=settings.ema_decay) if settings.use_ema else None
