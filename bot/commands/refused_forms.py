"""A form that was refused, opened again with all that was typed."""

from __future__ import annotations

from typing import Any

import discord

from bot.core.errors import RefusedError
from bot.gateway.context import context_of
from bot.storage import drafts
from bot.ui.actions import Values, filled_in, outdated_button_error


async def open_again(interaction: discord.Interaction[Any], draft_id: str, values: Values) -> None:
    """As whatever showed it first does, with other words in it."""
    del values
    draft = await context_of(interaction).database.read(drafts.get, draft_id)
    if draft is None or draft.user_id != interaction.user.id or "form" not in draft.content:
        raise RefusedError("This form is no longer valid; open it again.")
    client: Any = interaction.client
    opener, chosen = client.forms.get(draft.content["form"], ("", {}))
    if opener not in client.actions:
        raise outdated_button_error()
    with filled_in(draft.content["typed"]):
        await client.actions[opener](interaction, draft.content["target"], chosen)


ACTIONS = {"form_open": open_again}
