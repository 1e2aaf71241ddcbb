"""Tells people who wait something where their jobs are shown, and pings nobody.

Whoever wanted their GIF private is told so that they alone see it. Those who wait in one channel
share a message there; where the bot may not write any more, each is told directly.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence

import discord

from bot.delivery.response_token import is_answerable
from bot.gateway import discord_compat
from bot.gateway.discord_errors import SEND_ERRORS, readable_answers
from bot.storage.models import Job

logger = logging.getLogger(__name__)

_AT_ONCE = 30  # people that one message is for


class Announcements:
    """``bot.operations.needs.Announcer``, by a client that is logged in."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client

    async def announce(self, words: str, jobs: Sequence[Job]) -> set[int]:
        """Tell the owners of these jobs, one of each; return whom it reached."""
        reached: set[int] = set()
        by_channel: dict[int, list[Job]] = {}
        for job in jobs:
            if job.origin.private:
                reached |= await self._tell_alone(job, words)
            else:
                by_channel.setdefault(job.origin.channel_id, []).append(job)
        for channel_id, there in by_channel.items():
            for start in range(0, len(there), _AT_ONCE):
                reached |= await self._tell_in_channel(
                    channel_id, there[start : start + _AT_ONCE], words
                )
        return reached

    async def _tell_in_channel(self, channel_id: int, jobs: list[Job], words: str) -> set[int]:
        people = " ".join(f"<@{job.user_id}>" for job in jobs)
        place = self._client.get_partial_messageable(channel_id)
        if await self._send(place, f"{_shown(words)}\n-# {people}"):
            return {job.user_id for job in jobs}
        return set().union(*[await self._tell_directly(job, words) for job in jobs])

    async def _tell_alone(self, job: Job, words: str) -> set[int]:
        """Tell somebody as they alone see it: beside the command's answer, or directly."""
        if not is_answerable(job):
            return await self._tell_directly(job, words)
        origin = job.origin
        webhook = discord_compat.followups(self._client, origin.application_id, origin.token)
        try:
            with readable_answers():
                await webhook.send(_shown(words), ephemeral=True)
        except SEND_ERRORS as error:
            logger.info("an announcement goes directly: %s", error)
            return await self._tell_directly(job, words)
        return {job.user_id}

    async def _tell_directly(self, job: Job, words: str) -> set[int]:
        try:
            with readable_answers():
                place = await self._client.create_dm(discord.Object(job.user_id))
        except SEND_ERRORS as error:
            logger.info("somebody can't be told: %s", error)
            return set()
        return {job.user_id} if await self._send(place, _shown(words)) else set()

    async def _send(self, place: discord.abc.Messageable, words: str) -> bool:
        try:
            with readable_answers():
                await place.send(
                    words,
                    allowed_mentions=discord.AllowedMentions.none(),
                    nonce=f"announce{secrets.token_hex(8)}",  # a try that got through isn't doubled
                )
        except SEND_ERRORS as error:
            logger.info("an announcement can't be sent there: %s", error)
            return False
        return True


def _shown(words: str) -> str:
    return f"📢 {words}"
