"""The direct messages of those who run the bot."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import discord

from bot.gateway.context import BotContext
from bot.gateway.discord_errors import SEND_ERRORS, readable_answers

logger = logging.getLogger(__name__)


async def owners_messages(client: Any) -> AsyncIterator[discord.DMChannel]:
    """Yield the channel to each of those who run the bot, as far as they can be written to.

    These are the application's owner, or its team's, and after them ``[owner] users``. ``client``
    is a ``HotshotClient`` that is logged in.
    """
    for user_id in _owner_ids(client):
        try:
            with readable_answers():
                direct = await client.create_dm(discord.Object(user_id))
        except SEND_ERRORS as error:
            logger.warning("an owner can't be messaged: %s", error)
        else:
            yield direct


def _owner_ids(client: Any) -> list[int]:
    """Return their ids, each once."""
    context: BotContext = client.context
    ids: list[int] = []
    application: discord.AppInfo | None = client.application
    if application is not None:
        team = application.team
        ids.append((team.owner_id if team is not None else None) or application.owner.id)
    return list(dict.fromkeys((*ids, *context.settings.owner.users)))
