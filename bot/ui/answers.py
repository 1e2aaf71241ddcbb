"""Short answers that only one person sees, and what an error becomes for them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
from discord.ui import View

from bot.core.logs import bind_log_ids
from bot.core.markdown import escape_markdown
from bot.core.translations import in_language, translate, translate_escaped
from bot.gateway.context import context_of
from bot.gateway.discord_errors import SEND_ERRORS, is_lost, readable_answers
from generator.contract.text import TranslatableError

logger = logging.getLogger(__name__)

_DEFERRED = discord.InteractionResponseType.deferred_channel_message


async def send_ephemeral(
    interaction: discord.Interaction[Any], words: str, view: View | None = None
) -> None:
    """Send a message that only this person sees; a lost answer is logged, never raised."""
    try:
        with readable_answers():
            if interaction.response.type is _DEFERRED:
                # everybody may see it, this they may not
                await interaction.delete_original_response()
            await _send(interaction, words, {"view": view} if view else {})
    except SEND_ERRORS as error:
        logger.warning("an answer was lost: %s", error)


async def _send(interaction: discord.Interaction[Any], words: str, more: dict[str, Any]) -> None:
    if interaction.response.is_done():
        await interaction.followup.send(words, ephemeral=True, **more)
    else:
        await interaction.response.send_message(words, ephemeral=True, **more)


async def send_ephemeral_followup(interaction: discord.Interaction[Any], words: str) -> None:
    """Send what ``send_ephemeral`` does, beside an answer that stays.

    That answer may still say "thinking".
    """
    try:
        with readable_answers():
            await interaction.followup.send(words, ephemeral=True)
    except SEND_ERRORS as error:
        logger.warning("an answer was lost: %s", error)


def error_message(error: BaseException) -> str:
    """Return what a person may read of ``error``; log the unforeseen, a bug with its traceback."""
    if isinstance(error, TranslatableError):
        return translate_escaped(error.words, escape_markdown)
    if is_lost(error):
        logger.warning("an answer was lost: %s", error)
    else:
        logger.error("a command failed", exc_info=error)
    return translate(
        "Something went wrong inside the bot; the details are in its log, and nothing was changed."
    )


def log_context(interaction: discord.Interaction[Any]) -> dict[str, int | None]:
    """Return who sent an interaction and from where, as log lines say it."""
    return {
        "user": interaction.user.id,
        "server": interaction.guild_id,
        "channel": interaction.channel_id,
    }


@asynccontextmanager
async def answer_errors(interaction: discord.Interaction[Any]) -> AsyncIterator[None]:
    """Answer whatever goes wrong inside by an ephemeral message, in the person's language."""
    with in_language(str(interaction.locale)), bind_log_ids(**log_context(interaction)):
        try:
            async with context_of(interaction).answering(interaction.user.id):
                yield
        except Exception as error:  # noqa: BLE001 - the edge: they hear of it, the log has it all
            await send_ephemeral(interaction, error_message(error))
