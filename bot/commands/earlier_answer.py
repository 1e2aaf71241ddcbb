"""Edits an answer by the token that gave it: a press elsewhere can't."""

from __future__ import annotations

import logging
from typing import Any

import discord

from bot.delivery.response_token import ORIGINAL
from bot.gateway.discord_errors import SEND_ERRORS, readable_answers

logger = logging.getLogger(__name__)


async def edit_earlier_answer(
    interaction: discord.Interaction[Any], token: str, message_id: int = 0, **content: Any
) -> None:
    """Edit what ``token`` answered with, or a further message of it; once it has expired, that
    stays as it is.
    """
    if not token:  # of an earlier version
        return
    answer = discord.Webhook.partial(interaction.application_id, token, client=interaction.client)
    try:
        with readable_answers():
            await answer.edit_message(message_id or ORIGINAL, **content)
    except SEND_ERRORS as error:
        logger.info("an earlier answer stays as it is: %s", error)
