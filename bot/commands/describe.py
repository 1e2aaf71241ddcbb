"""Describe: fills the panel with what a file says of how it was made.

By this bot's own recipe, by Automatic1111's text or by ComfyUI's graph; the panel says in one line
what couldn't be taken over. What is chosen of the result itself stays as it is.
"""

from __future__ import annotations

from typing import Any

import discord
from discord.ui import FileUpload, Item, Label, TextInput, View

from bot.commands import panel
from bot.commands.found_recipe import find_recipe
from bot.commands.panel_message import ALREADY_REQUESTED, own_panel, show_panel
from bot.commands.panel_state import PanelState
from bot.core.errors import GoneError, RefusedError
from bot.core.translations import translate
from bot.gateway.context import context_of
from bot.gateway.message_media import form_files, linked_file
from bot.intake.attachments import IncomingFile
from bot.storage import drafts
from bot.ui.actions import Action, Form, Values
from generator.contract.errors import RequestError

_FILE, _LINK = "file", "link"
_LONGEST_LINK = 500
_KEPT = ("private", "format", "count")  # of the result; no recipe has them

_Interaction = discord.Interaction[Any]


async def describe(interaction: _Interaction, draft_id: str, values: Values) -> None:
    """Open the form for the file."""
    del values
    state = await own_panel(interaction, draft_id)
    upload: FileUpload[View] = FileUpload(custom_id=_FILE, required=False, max_values=1)
    link: TextInput[View] = TextInput(custom_id=_LINK, required=False, max_length=_LONGEST_LINK)
    about = translate("Made by this bot, Automatic1111 or ComfyUI, and not saved again since.")
    fields: list[Item[View]] = [
        Label(text=translate("A GIF or picture"), description=about, component=upload),
        Label(text=translate("Or a link to one"), component=link),
    ]
    form = Form("panel_describe_send", state.id, translate("Describe"), fields)
    await interaction.response.send_modal(form)


async def send(interaction: _Interaction, draft_id: str, values: Values) -> None:
    """Fill the panel in with what the file says. Raises MediaError, RefusedError, RequestError."""
    context, user_id = context_of(interaction), interaction.user.id
    with context.panels_in_hand.holding(draft_id):
        state = await own_panel(interaction, draft_id)
        brought = _brought(interaction, values)
        await interaction.response.defer()
        file, _ = await context.source_intake.take_picture(user_id, brought)
        found = await find_recipe(interaction, file)
        names = await panel.lora_names(interaction, found.request)
        if not await context.database.write(drafts.consume, state.id, user_id):
            raise GoneError(ALREADY_REQUESTED)
        filled = await panel.write_new(
            interaction,
            PanelState(
                id="",
                user_id=0,
                base=found.request,
                relation="remix",
                names=names,
                values={name: state.values[name] for name in _KEPT if name in state.values},
            ),
        )
    words = translate("Filled in with what that file says.")
    if not found.is_model_here:
        words += " " + translate(
            "Its model isn't here; {name} would make it.",
            name=context.models.get(found.request.model).label,
        )
    await show_panel(interaction, filled, f"{words} {found.note}".strip())
    await context.drop_unreferenced([each.blob for each in state.files])


def _brought(interaction: _Interaction, values: Values) -> IncomingFile:
    """Return the file that was attached or linked. Raises RequestError, RefusedError."""
    ids = [each for each in values.get(_FILE, "").split(",") if each]
    link = values.get(_LINK, "").strip()
    if len(ids) + bool(link) != 1:
        raise RequestError("Give either a file or a link to one, and not both.")
    if link:
        return linked_file(link)
    found = form_files(interaction).get(ids[0])
    if found is None:
        raise RefusedError("Discord didn't say where that file is; attach it again.")
    return found


ACTIONS: dict[str, Action] = {"panel_describe": describe, "panel_describe_send": send}
FORMS: dict[str, tuple[str, Values]] = {"panel_describe_send": ("panel_describe", {})}
