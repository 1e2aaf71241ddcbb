"""The form for how a GIF is computed: steps, guidance, sampler and controls.

The other form, ``bot.commands.request_form``, is full with what people change most.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord
from discord import SelectOption
from discord.ui import Item, Label, Select, View

from bot.commands.option_parsing import read_number, read_whole_number
from bot.commands.request_form import text_field
from bot.commands.result_actions import job_of, remake
from bot.core.errors import RefusedError
from bot.core.translations import translate
from bot.gateway.context import context_of
from bot.ui.actions import Form, Values
from generator.contract.bounds import SCHEDULERS, STEPS_LABEL, scheduler_name
from generator.contract.limits import ModelLimits
from generator.contract.messages import Control, Request
from generator.contract.text import Text

_LONGEST_NUMBER = 8
_KINDS = ("depth", "canny")  # of ControlNets; the loose way is one of these, held to less
_GUIDANCE = Text("The guidance scale")
_CONTROL = Text("The control strength")


def sampling_form(target: str, request: Request) -> Form:
    """Return the form filled in with what made a GIF; control fields only where it has any."""
    items: list[Item[View]] = [
        text_field("steps", translate("Steps"), str(request.steps), longest=_LONGEST_NUMBER),
        text_field(
            "guidance",
            translate("Guidance"),
            f"{request.guidance_scale:g}",
            longest=_LONGEST_NUMBER,
        ),
        _choice("scheduler", translate("Sampler"), SCHEDULERS, (request.scheduler,)),
    ]
    if request.controls:
        kinds = tuple(control.kind for control in request.controls)
        offered = tuple(dict.fromkeys((*_KINDS, *kinds)))
        strength = f"{request.controls[0].scale:g}"
        items += [
            _choice("kinds", translate("What to follow"), offered, kinds, most=len(offered)),
            text_field(
                "strength",
                translate("How closely to follow it (0 to 5)"),
                strength,
                longest=_LONGEST_NUMBER,
            ),
        ]
    return Form("sampling_send", target, translate("Steps, sampler, control"), items)


async def send_form(interaction: discord.Interaction[Any], job_id: str, values: Values) -> None:
    """Make the GIF as the form changed it."""
    job, limits = await job_of(interaction, job_id), context_of(interaction).limits
    await remake(interaction, job, read_sampling_form(limits, job.request, values), "edit")


def read_sampling_form(limits: ModelLimits, request: Request, values: Values) -> Request:
    """Return the request as the form has it. Raises RequestError, RefusedError."""
    chosen = replace(
        request,
        steps=read_whole_number(STEPS_LABEL, _typed_number(values, "steps"), request.steps),
        guidance_scale=read_number(
            _GUIDANCE, _typed_number(values, "guidance"), request.guidance_scale
        ),
        scheduler=scheduler_name(values.get("scheduler") or request.scheduler),
    )
    if request.controls:
        chosen = replace(chosen, controls=_controls(request, values))
    limits.check(chosen)
    return chosen


def _controls(request: Request, values: Values) -> tuple[Control, ...]:
    """Return the controls of the form; those that were there keep their span and annotator."""
    known = {control.kind: control for control in request.controls}
    first = request.controls[0]
    scale = read_number(_CONTROL, _typed_number(values, "strength"), first.scale)
    kinds = [kind for kind in values.get("kinds", "").split(",") if kind]
    if any(kind not in known and kind not in _KINDS for kind in kinds):
        raise RefusedError("That isn't one of the choices; choose one from the list.")
    if not kinds:
        return request.controls
    return tuple(
        replace(known.get(kind, Control(kind, start=first.start, end=first.end)), scale=scale)
        for kind in dict.fromkeys(kinds)
    )


def _typed_number(values: Values, name: str) -> str | None:
    return values.get(name, "").strip().replace(",", ".") or None


def _choice(
    name: str, label: str, offered: tuple[str, ...], chosen: tuple[str, ...], *, most: int = 1
) -> Item[View]:
    options = [SelectOption(label=each, value=each, default=each in chosen) for each in offered]
    return Label(text=label, component=Select(custom_id=name, options=options, max_values=most))


ACTIONS = {"sampling_send": send_form}
