"""The form for another model: makes a GIF again with it, also one whose own model is gone."""

from __future__ import annotations

from typing import Any

import discord

from bot.commands.model_choice import for_model, labelled_models
from bot.commands.offered_options import form_field, form_specs
from bot.commands.option_parsing import read_form
from bot.commands.result_actions import job_of, remake
from bot.core.translations import translate
from bot.gateway.context import BotContext, context_of
from bot.storage.models import Job
from bot.ui.actions import Form, Values

_NAME = "model"


def model_form(context: BotContext, job: Job) -> Form:
    """Return the form with the models that there are, of which the GIF's own is chosen."""
    models = [model for _, model in labelled_models(context)]
    chosen = next((model.label for model in models if model.name == job.request.model), None)
    fields = [
        form_field(spec, field, chosen, [model.label for model in models])
        for spec, field in form_specs(_NAME)
    ]
    return Form("model_send", job.id, translate("Another model"), fields)


async def send_form(interaction: discord.Interaction[Any], job_id: str, values: Values) -> None:
    """Make the GIF with the model of the form, and its seed: the same thing, otherwise seen."""
    job, models = await job_of(interaction, job_id), context_of(interaction).models
    chosen = models.named(read_form(_NAME, values).model or "")
    before = models.known_limits(job.request.model)
    await remake(interaction, job, for_model(job.request, before, chosen), "model")


ACTIONS = {"model_send": send_form}
