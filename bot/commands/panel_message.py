"""The panel's one message: it is shown, changed and edited, and only its owner comes to it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import discord

from bot.commands.panel_fields import describe_group, offered_specs
from bot.commands.panel_state import KEY, PanelState, amend
from bot.core.errors import GoneError
from bot.core.translations import translate
from bot.gateway.context import BotContext, context_of
from bot.gateway.discord_errors import SEND_ERRORS, readable_answers
from bot.storage import drafts
from bot.ui.answers import error_message
from bot.ui.panel import Line, panel_note, panel_view
from generator.contract.options.spec import Group
from generator.contract.text import Text, TranslatableError

logger = logging.getLogger(__name__)

_Interaction = discord.Interaction[Any]
_GONE = Text(
    "That panel was used, has expired, or is somebody else's; type /gif, or press Edit under a GIF."
)
ALREADY_REQUESTED = Text("That GIF has already been requested.")


async def own_panel(interaction: _Interaction, draft_id: str) -> PanelState:
    """Return this person's own panel. Raises GoneError."""
    draft = await context_of(interaction).database.read(drafts.get, draft_id)
    if draft is None or draft.user_id != interaction.user.id or KEY not in draft.content:
        raise GoneError(_GONE)
    return PanelState.of(draft)


async def change_panel(
    interaction: _Interaction, state: PanelState, changes: Mapping[str, Any], note: str
) -> None:
    """Write what was changed, and show the panel with it. Raises GoneError."""
    context = context_of(interaction)
    here = {"token": interaction.token, "message_id": 0}
    now = await write_panel(context, state, {**changes, **here})
    if (message_id := await show_panel(interaction, now, note)) is not None:
        await write_panel(context, now, {"message_id": message_id})
    kept = {each.blob for each in now.files}
    await context.drop_unreferenced([each.blob for each in state.files if each.blob not in kept])


async def write_panel(
    context: BotContext, state: PanelState, changes: Mapping[str, Any]
) -> PanelState:
    """Write what was changed, and return the panel as it is then. Raises GoneError."""
    draft = await context.database.write(amend, state.id, state.user_id, dict(changes))
    if draft is None:
        raise GoneError(ALREADY_REQUESTED)
    return PanelState.of(draft)


async def show_panel(interaction: _Interaction, state: PanelState, note: str = "") -> int | None:
    """Show a panel, with a sentence about what was sent last; see ``edit_or_send``."""
    context = context_of(interaction)
    lines = [
        Line(translate(group.label), describe_group(context, state, group), group_action(group))
        for group in Group
        if offered_specs(context, group)
    ]
    buttons = (("panel_go", translate("Go")), ("panel_cancel", translate("Cancel")))
    tools = [("panel_suggest", translate("Suggest"))]
    tools.append(("panel_describe", translate("Describe")))
    tools.append(("panel_lora_page", translate("Browse LoRAs")))
    if context.settings.styles:
        tools.append(("panel_style_page", translate("Browse styles")))
    title = translate("Make it again") if state.base else translate("Your GIF")
    view = panel_view(state.id, title, lines, note=note, buttons=buttons, tools=tools)
    return await edit_or_send(interaction, view)


async def edit_or_send(interaction: _Interaction, view: discord.ui.LayoutView) -> int | None:
    """Edit the panel that was pressed; send it where there is none yet, or no longer.

    Return the id of a message that was sent beside the interaction's own answer.
    """
    try:
        with readable_answers():
            if interaction.response.is_done():
                await interaction.edit_original_response(view=view, attachments=[])
                return None
            if _is_on_panel(interaction):
                await interaction.response.edit_message(view=view, attachments=[])
                return None
    except SEND_ERRORS as error:
        logger.info("the panel is gone, so it is sent again: %s", error)
    if interaction.response.is_done():
        return (await interaction.followup.send(view=view, ephemeral=True, wait=True)).id
    await interaction.response.send_message(view=view, ephemeral=True)
    return None


def _is_on_panel(interaction: _Interaction) -> bool:
    """Return whether what was pressed or sent stands in a panel, or was opened by one."""
    data: Any = interaction.data
    message = interaction.message
    is_own = message is not None and message.flags.ephemeral
    return is_own and ":panel_" in str(data.get("custom_id"))


def refusal_note(error: TranslatableError) -> str:
    """Return the note that says what was refused."""
    return panel_note(error_message(error))


def group_action(group: Group) -> str:
    """Return the action that opens the form of a group."""
    return f"panel_{group}"
