"""Suggest: prompts that complete what stands in the panel, in its own message.

By the words of a model that says which it knows; else by prompts of this person's, by those that
were posted for all in this server's channels that they may read, and by the styles. What somebody
made in private or in direct messages is shown to nobody else.
"""

from __future__ import annotations

import asyncio
from typing import Any

import discord
from discord import Colour, SelectOption
from discord.ui import ActionRow, Container, LayoutView, TextDisplay

from bot.commands.panel_message import change_panel, own_panel, show_panel
from bot.commands.panel_state import PanelState
from bot.commands.prompt_completion import complete_by_prompts, complete_by_words
from bot.core.config import PROMPT_FIELD
from bot.core.errors import GoneError
from bot.core.model_catalogue import DEFAULT
from bot.core.translations import translate
from bot.gateway.context import BotContext, context_of
from bot.storage import drafts, library
from bot.ui import wording
from bot.ui.actions import Action, ActionButton, ActionMenu, Values
from generator.contract.options.gif_options import spec_named
from generator.contract.options.spec import Group
from generator.contract.prompt_words import PromptWords

MOST = 10
_PROMPTS = 300  # that are looked through
_SHOWN = 250  # characters of each
OFFERED = "offered"
"""What a draft's content has that is the suggestions, which a choice names by number."""

_Interaction = discord.Interaction[Any]


async def suggest(interaction: _Interaction, draft_id: str, values: Values) -> None:
    """Show how the prompt in a panel may go on."""
    del values
    context, state = context_of(interaction), await own_panel(interaction, draft_id)
    typed = _typed(context, state)
    words = _words(context, state)
    if words is not None:
        found = await asyncio.to_thread(complete_by_words, typed, words, MOST)
    else:
        prompts = await context.database.read(
            library.prompts_shown_to,
            interaction.user.id,
            readable_channels(interaction),
            limit=_PROMPTS,
        )
        styles = context.settings.styles.values()
        fragments = [style.prompt.replace(PROMPT_FIELD, "") for style in styles]
        found = await asyncio.to_thread(complete_by_prompts, typed, prompts, fragments, MOST)
    if not found:
        said = translate(
            "There is nothing to suggest: the prompt already says all that this model knows."
        )
        none = translate(
            "There is nothing to suggest yet; suggestions come from GIFs that are made here."
        )
        await show_panel(interaction, state, said if words is not None else none)
        return
    await context.database.write(drafts.change, state.id, {OFFERED: found})
    await interaction.response.edit_message(view=_view(state.id, found), attachments=[])


async def pick(interaction: _Interaction, draft_id: str, values: Values) -> None:
    """Put the prompt that was chosen into the panel. Raises GoneError."""
    state = await own_panel(interaction, draft_id)
    draft = await context_of(interaction).database.read(drafts.get, state.id)
    offered = draft.content.get(OFFERED, []) if draft is not None else []
    number = values.get("choice", "")
    if not (number.isascii() and number.isdigit() and int(number) < len(offered)):
        raise GoneError("That suggestion is gone; press Suggest again.")
    typed = dict(state.typed.get(Group.WORDS, {}))
    typed.pop("prompt", None)
    changes = {"values": {"prompt": offered[int(number)]}, "typed": {Group.WORDS: typed}}
    await change_panel(interaction, state, changes, "")


def readable_channels(interaction: _Interaction) -> list[int]:
    """Return the channels of this server whose messages this person may read, and this one.

    Age-restricted ones only from such a one.
    """
    here, guild, person = interaction.channel, interaction.guild, interaction.user
    channels = {interaction.channel_id} if interaction.channel_id else set()
    if guild is not None and isinstance(person, discord.Member):
        is_restricted = _is_restricted(here)
        for channel in guild.channels:
            may = channel.permissions_for(person)
            if may.view_channel and may.read_message_history:
                channels |= {channel.id} if is_restricted or not _is_restricted(channel) else set()
    return list(channels)


def _is_restricted(channel: Any) -> bool:
    return bool(getattr(channel, "nsfw", False))


def _typed(context: BotContext, state: PanelState) -> str:
    """Return the prompt as it stands in the panel, or in its form that was refused."""
    refused = state.typed.get(Group.WORDS, {}).get("prompt")
    limits = context.models.default_limits
    return refused or state.value(spec_named("prompt"), limits) or ""


def _words(context: BotContext, state: PanelState) -> PromptWords | None:
    """Return the words that the panel's model says it knows."""
    if chosen := state.values.get("model"):
        model = context.models.find(str(chosen))
    else:
        name = state.base.model if state.base else DEFAULT
        model = context.models.get(name) if context.models.has(name) else None
    return model.words if model is not None else None


def _view(draft_id: str, found: list[str]) -> LayoutView:
    box: Container[LayoutView] = Container(accent_colour=Colour.blurple())
    box.add_item(TextDisplay(f"### {translate('How the prompt may go on')}"))
    lines = [f"{number}. {wording.excerpt(each, _SHOWN)}" for number, each in enumerate(found, 1)]
    box.add_item(TextDisplay("\n".join(lines)))
    options = [
        SelectOption(label=wording.shorten(f"{number + 1}. {each}", 100), value=str(number))
        for number, each in enumerate(found)
    ]
    menu = ActionMenu(
        "panel_suggest_pick", draft_id, placeholder=translate("Choose one…"), options=options
    )
    box.add_item(ActionRow(menu.item))
    back = ActionButton("panel_back", draft_id, label=translate("All settings"))
    box.add_item(ActionRow(back.item))
    return LayoutView(timeout=None).add_item(box)


ACTIONS: dict[str, Action] = {"panel_suggest": suggest, "panel_suggest_pick": pick}
