"""Deletes the bot's own messages, of people who have everything of theirs erased."""

from __future__ import annotations

import asyncio
import logging

import discord

from bot.gateway.discord_errors import SEND_ERRORS, UNREACHABLE_ERRORS, readable_answers
from bot.privacy.eraser import Removal

logger = logging.getLogger(__name__)


class DiscordMessageRemover:
    """``bot.privacy.eraser.MessageRemover``, by a client that logs in."""

    def __init__(self, client: discord.Client, logged_in: asyncio.Event) -> None:
        self._client = client
        self._logged_in = logged_in

    async def remove(self, channel_id: int, message_id: int) -> Removal:
        """Delete a message; see ``MessageRemover``."""
        await self._logged_in.wait()
        place = self._client.get_partial_messageable(channel_id)
        try:
            with readable_answers():
                await place.get_partial_message(message_id).delete()
        except discord.NotFound:
            return Removal.GONE
        except (discord.RateLimited, *UNREACHABLE_ERRORS):
            return Removal.LATER
        except SEND_ERRORS as error:
            logger.info("a message can't be deleted: %s", error)
            return Removal.STAYS
        return Removal.GONE
