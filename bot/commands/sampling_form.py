"""The form for how a GIF is computed: steps, guidance, sampler and controls.

The other form, ``bot.commands.request_form``, is full with what people change most.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord
from discord.ui import Item, View

from bot.commands.offered_options import form_field, form_specs
from bot.commands.option_parsing import GivenOptions, read_form
from bot.commands.result_actions import job_of, remake
from bot.core.errors import RefusedError
from bot.core.translations import translate
from bot.gateway.context import context_of
from bot.ui.actions import Form, Values
from generator.contract.limits import ModelLimits
from generator.contract.messages import Control, Request
from generator.contract.options.spec import NOT_A_CHOICE

_NAME = "sampling"
_KINDS = ("depth", "canny")  # of ControlNets; the loose way is one of these, held to less


def sampling_form(limits: ModelLimits, target: str, request: Request) -> Form:
    """Return the form filled in with what made a GIF; control fields only where it has any."""
    kinds = tuple(control.kind for control in request.controls)
    controls = {"control_type": kinds, "control_strength": kinds and request.controls[0].scale}
    items: list[Item[View]] = []
    for spec, field in form_specs(_NAME):
        if spec.field:
            choices = spec.choices(limits) if spec.choices else ()
            items.append(form_field(spec, field, spec.value_of(request), choices))
        elif kinds:
            offered = tuple(dict.fromkeys((*_KINDS, *kinds)))
            items.append(form_field(spec, field, controls[spec.name], offered))
    return Form("sampling_send", target, translate("Steps, sampler, control"), items)


async def send_form(interaction: discord.Interaction[Any], job_id: str, values: Values) -> None:
    """Make the GIF as the form changed it."""
    job = await job_of(interaction, job_id)
    limits = context_of(interaction).models.limits(job.request.model)
    await remake(interaction, job, read_sampling_form(limits, job.request, values), "edit")


def read_sampling_form(limits: ModelLimits, request: Request, values: Values) -> Request:
    """Return the request as the form has it. Raises RequestError, RefusedError."""
    options = read_form(_NAME, values)
    chosen = options.to_request(limits, request)
    if request.controls:
        chosen = replace(chosen, controls=_controls(request, options))
    limits.check(chosen)
    return chosen


def _controls(request: Request, options: GivenOptions) -> tuple[Control, ...]:
    """Return the controls of the form; those that were there keep their span and annotator."""
    known = {control.kind: control for control in request.controls}
    first = request.controls[0]
    scale = options.control_strength[0] if options.control_strength else first.scale
    kinds = options.control_type or ()
    if any(kind not in known and kind not in _KINDS for kind in kinds):
        raise RefusedError(NOT_A_CHOICE)
    if not kinds:
        return request.controls
    return tuple(
        replace(known.get(kind, Control(kind, start=first.start, end=first.end)), scale=scale)
        for kind in dict.fromkeys(kinds)
    )


ACTIONS = {"sampling_send": send_form}
