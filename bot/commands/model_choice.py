"""Chooses models: suggests them while a name is typed, and makes a request another model's.

With one model there is nothing to choose, and nothing of this is offered.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import discord

from bot.commands.option_parsing import nearest_size
from bot.core.model_catalogue import DEFAULT, OfferedModel
from bot.core.translations import translate
from bot.gateway.context import BotContext, context_of
from generator.contract.limits import ModelLimits
from generator.contract.messages import ChosenStage, Request
from generator.contract.options.spec import NO_SETTING

_OF_A_MODEL = ("steps", "guidance_scale", "guidance_rescale", "scheduler", "image_strength")
"""Fields of a request whose default is a model's own."""


async def suggest_models(
    interaction: discord.Interaction[Any], typed: str, limit: int
) -> list[tuple[str, str]]:
    """Return the models whose names hold what is typed: those that a worker has now, first."""
    return [
        (label, model.label)
        for label, model in labelled_models(context_of(interaction))
        if typed.strip().casefold() in model.label.casefold()
    ][:limit]


async def suggest_model_settings(
    interaction: discord.Interaction[Any], typed: str, limit: int
) -> list[tuple[str, str]]:
    """Return the models as ``suggest_models``, and the word that forgets the setting."""
    found = await suggest_models(interaction, typed, limit - 1)
    return [*found, (NO_SETTING, NO_SETTING)] if typed in ("", NO_SETTING) else found


def labelled_models(context: BotContext) -> list[tuple[str, OfferedModel]]:
    """Return the models and what people read of each; those that no worker has come last."""
    available = context.jobs.models()
    models = [context.models.get(name) for name in context.models.names]
    return [
        (_label(model, is_there=model.key in available), model)
        for model in sorted(models, key=lambda model: model.key not in available)
    ]


def _label(model: OfferedModel, *, is_there: bool) -> str:
    if not is_there:
        return translate("{name} (waits for a worker that has it)", name=model.label)
    if model.name == DEFAULT:
        return translate("{name} (the usual one)", name=model.label)
    return model.label


def for_model(request: Request, before: ModelLimits, model: OfferedModel) -> Request:
    """Return the request as another model makes it.

    What the one ``before`` had by default is the new one's default, and its size is the one of that
    name; what the new one can't make is as much as it can.
    """
    now = model.limits
    changes: dict[str, Any] = {
        name: getattr(now, name)
        for name in _OF_A_MODEL
        if getattr(request, name) == getattr(before, name)
    }
    if now.native_edge != before.native_edge:
        edges = (request.width, request.height)
        names = [size.name for size in before.sizes if (size.width, size.height) == edges]
        size = now.size(names[0]) if names else nearest_size(now, *edges)
        changes |= {"width": size.width, "height": size.height}
    most = now.max_clip_frames if request.motion else now.max_frames
    frames = min(request.video_length, most)
    return replace(
        request,
        **changes | {"steps": min(changes.get("steps", request.steps), now.max_steps)},
        video_length=frames,
        video_duration=round(request.video_duration * frames / request.video_length),
        stages=tuple(_stage_for_model(stage, before, now) for stage in request.stages),
        model=model.name,
    )


def _stage_for_model(stage: ChosenStage, before: ModelLimits, now: ModelLimits) -> ChosenStage:
    usual, new = asdict(before.upscale_stage()), asdict(now.upscale_stage())
    changes = {name: new[name] for name, value in asdict(stage).items() if value == usual[name]}
    made = replace(stage, **changes | {"name": stage.name})
    return replace(made, steps=min(made.steps, now.max_steps))
