"""Forms that earlier versions showed, and that still stand open: they are taken as the panel's."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

import discord

from bot.commands.panel import lora_names, state_of_job, submit_state
from bot.commands.panel_fields import offered_specs, read_group
from bot.commands.panel_message import change_panel, refusal_note, write_panel
from bot.commands.panel_state import PanelState
from bot.commands.result_actions import job_of
from bot.gateway.context import context_of
from bot.ui.actions import Action, Values
from generator.contract.messages import Request
from generator.contract.options.spec import Group
from generator.contract.text import TranslatableError

_Interaction = discord.Interaction[Any]


async def send_old_form(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Make the GIF of a form that an earlier version showed; where that is refused, the panel."""
    state = state_of_job(await job_of(interaction, job_id))
    await _send_old(interaction, state, values)


async def send_old_remix(
    interaction: _Interaction, request: Request, relation: str, values: Values
) -> None:
    """Make the GIF of a form about a file's recipe, as ``send_old_form`` does of a GIF's."""
    names = await lora_names(interaction, request)
    state = PanelState(id="", user_id=0, base=request, relation=relation, names=names)
    await _send_old(interaction, state, values)


async def _send_old(interaction: _Interaction, state: PanelState, values: Values) -> None:
    context = context_of(interaction)
    typed = _renamed(values)
    state = replace(state, id=secrets.token_hex(16), user_id=interaction.user.id)
    await context.keep_draft(state.draft)
    for group in Group:
        names = {spec.name for spec in offered_specs(context, group)}
        sent = {name: word for name, word in typed.items() if name in names}
        if not sent:
            continue
        try:
            changed = read_group(context, state, group, sent)
        except TranslatableError as error:
            await change_panel(interaction, state, {"typed": {group: sent}}, refusal_note(error))
            return
        state = await write_panel(context, state, {"values": changed})
    await submit_state(interaction, state)


def _renamed(values: Values) -> dict[str, str]:
    """Return an old form's fields by the options' names; several kinds stood in one field."""
    typed = dict(values)
    if "strength" in typed:
        typed["control_strength"] = typed.pop("strength")
    if kinds := typed.pop("kinds", ""):
        first, _, second = kinds.partition(",")
        typed |= {"control_type": first, "control_type_2": second.partition(",")[0]}
    return typed


ACTIONS: dict[str, Action] = {
    "edit_send": send_old_form,
    "sampling_send": send_old_form,
    "model_send": send_old_form,
}
