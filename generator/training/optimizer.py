"""AdamW, plain or with its state in 8 bits."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from generator.contract.errors import TrainingError
from generator.training.settings import RunSettings


def make_optimizer(
    parameters: list[nn.Parameter], rates: list[float], settings: RunSettings
) -> Any:
    """One group a learning rate. Raises TrainingError where bitsandbytes is wanted and missing."""
    groups = [
        {"params": [p for p, own in zip(parameters, rates, strict=True) if own == rate], "lr": rate}
        for rate in dict.fromkeys(rates)
    ]
    return _class(settings)(
        groups,
        betas=(settings.adam_beta1, settings.adam_beta2),
        weight_decay=settings.adam_weight_decay,
        eps=settings.adam_epsilon,
    )


def _class(settings: RunSettings) -> Any:
    if not settings.use_8bit_adam:
        return torch.optim.AdamW
    try:
        from bitsandbytes.optim import AdamW8bit
    except ImportError as error:
        raise TrainingError(
            "--use-8bit-adam needs bitsandbytes; run 'pip install bitsandbytes', or leave it out."
        ) from error
    return AdamW8bit
