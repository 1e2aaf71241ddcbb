"""The noise schedule that a model is sampled with: its own, or that of the base it is given.

A UNet predicts what it was trained to, along the betas that it was trained on; with another's
schedule it makes noise. Knows diffusers' configs, and nothing of samplers.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from generator.checkpoints.inspect.schedule_facts import (
    EPSILON,
    PREDICTION_TYPES,
    V_PREDICTION,
    ScheduleFacts,
)
from generator.contract.errors import ModelError
from generator.model.spatial_base import SpatialBase

logger = logging.getLogger(__name__)

Config = Mapping[str, Any]

# How a UNet was trained; all else in a config is a sampler's habit, which the model decides.
_TRAINED_ON = (
    *("num_train_timesteps", "beta_schedule", "beta_start", "beta_end", "trained_betas"),
    *("timestep_spacing", "steps_offset", "clip_sample", "set_alpha_to_one"),
)


def resolve_schedule(
    own: Config, base: SpatialBase | None, prediction_type: str, source: str
) -> Config:
    """Return the scheduler config to sample with, which is also logged.

    ``own`` is that of the model ``source``, ``prediction_type`` what somebody said, or "". Raises
    ModelError for a schedule that can't be followed here.
    """
    config, said_by = own, source
    if base is not None and base.scheduler_config is not None:
        config, said_by = _with_config(own, base.scheduler_config), base.name
    elif base is not None and base.schedule_facts.to_dict():
        config, said_by = (
            _with_facts(own, base.schedule_facts, base.name, prediction_type),
            base.name,
        )
    if prediction_type:
        config = with_prediction(config, prediction_type)
        said_by = "--prediction-type"
    check_supported(config, said_by)
    logger.info("The schedule is %s, as %s says.", describe_schedule(config), said_by)
    return config


def with_prediction(config: Config, prediction_type: str) -> Config:
    """Return a schedule for a UNet that predicts something else.

    Only v and the picture itself can be predicted where no signal is left at the end.
    """
    if prediction_type not in PREDICTION_TYPES:
        raise ModelError(
            "There is no prediction type {name!r}; choose one of {known}.",
            name=prediction_type[:40],
            known=", ".join(PREDICTION_TYPES),
        )
    changed = {**config, "prediction_type": prediction_type}
    if prediction_type == EPSILON:
        changed["rescale_betas_zero_snr"] = False
    return changed


def check_supported(config: Config, said_by: str) -> None:
    """Raise ModelError for a schedule that this kind of sampler doesn't walk back along."""
    kind = str(config.get("_class_name", ""))
    prediction = config.get("prediction_type", EPSILON)
    if kind.startswith(("EDM", "CosineDPM", "FlowMatch")) or prediction not in PREDICTION_TYPES:
        raise _unknown(said_by, f"{kind} {prediction}".strip())


def describe_schedule(config: Config) -> str:
    """Return a schedule in a few words, for the log."""
    zero = ", with zero terminal SNR" if config.get("rescale_betas_zero_snr") else ""
    return f"{config.get('prediction_type', EPSILON)}{zero}"


def _with_config(own: Config, base: Config) -> Config:
    trained_on = {key: base[key] for key in _TRAINED_ON if key in base}
    return {
        **own,
        **trained_on,
        "_class_name": base.get("_class_name", own.get("_class_name")),
        "prediction_type": base.get("prediction_type", EPSILON),
        "rescale_betas_zero_snr": base.get("rescale_betas_zero_snr", False),
    }


def _with_facts(own: Config, facts: ScheduleFacts, name: str, prediction_type: str) -> Config:
    if facts.unknown and not prediction_type:
        raise _unknown(name, facts.unknown)
    config = with_prediction(own, facts.prediction_type) if facts.prediction_type else own
    if facts.zero_snr is None or config.get("prediction_type") != V_PREDICTION:
        return config
    changed = {**config, "rescale_betas_zero_snr": facts.zero_snr}
    if facts.zero_snr and config.get("timestep_spacing", "leading") == "leading":
        # Others begin below the last timestep, which is what such a model was trained to see first.
        changed["timestep_spacing"] = "trailing"
    return changed


def _unknown(said_by: str, schedule: str) -> ModelError:
    return ModelError(
        "{name} was trained on a schedule that can't be used here ({schedule}); choose "
        "another base, or set what it predicts with the prediction type ({known}).",
        name=said_by,
        schedule=schedule[:80],
        known=", ".join(PREDICTION_TYPES),
    )
