"""The ways to a job's owner: the command's answer, the channel, a direct message.

The answer is edited while its token lives, which can be repeated safely. A message can't, so it
carries a nonce, and one that may have got through before is looked for first. Each way has a limit
of its own for what may be uploaded. Raises SEND_ERRORS; which of them pass is for
``bot.delivery.notifier`` to say.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any, cast

import discord

from bot.delivery.message import ResultMessage
from bot.gateway.discord_errors import readable_answers
from bot.jobs.notifier import Posted
from bot.storage.models import Job

logger = logging.getLogger(__name__)

ORIGINAL = cast(int, "@original")  # Discord's word for the answer; discord.py wants a number
_NONCE_LIMIT = 25
_LOOK_BACK = 500  # messages, from the newest


def is_answerable(job: Job) -> bool:
    """Whether the command's token still opens its answer."""
    known = not job.origin.is_followup or job.answer_id is not None
    return known and bool(job.origin.token) and not job.origin.token_expired(datetime.now(UTC))


def response_message_of(job: Job) -> int:
    """The message that the command's token opens for this job."""
    follows = job.origin.is_followup and job.answer_id is not None
    return job.answer_id if follows and job.answer_id else ORIGINAL


class InteractionResponseRoute:
    """The command's answer, edited."""

    def __init__(self, client: discord.Client, job: Job) -> None:
        self._client = client
        self._job = job

    @property
    def upload_limit(self) -> int:
        return self._job.origin.upload_limit

    async def find(self, result: ResultMessage) -> Posted | None:
        """The answer where an earlier try had got through; its token opens it to read even where
        the bot is no member.
        """
        with readable_answers():
            message = await self._webhook().fetch_message(response_message_of(self._job))
        if not result.is_in(message):
            return None
        logger.info("found: an earlier edit had got through")
        return Posted(message.id, message.channel.id)

    async def send(self, result: ResultMessage) -> Posted:
        content: dict[str, Any] = {
            "content": result.content,
            "embed": result.embed(),
            "attachments": result.files(),
            "view": result.view(),
        }
        with readable_answers():
            message = await self._webhook().edit_message(response_message_of(self._job), **content)
        return Posted(message.id, message.channel.id)

    def _webhook(self) -> discord.Webhook:
        origin = self._job.origin
        return discord.Webhook.partial(origin.application_id, origin.token, client=self._client)


class ChannelRoute:
    """A message in a channel, replying to the progress message where that stands there."""

    def __init__(
        self,
        client: discord.Client,
        channel: discord.abc.Messageable,
        job: Job,
        *,
        upload_limit: int,
        replies: bool,
    ) -> None:
        self._client = client
        self._channel = channel
        self._job = job
        self._replies = replies
        self.upload_limit = upload_limit

    async def find(self, result: ResultMessage) -> Posted | None:
        """The message of an earlier try.

        Where the bot may not look, the nonce is all there is.
        """
        me = self._client.user
        if me is None:
            return None
        since = result.job.origin.asked_at
        history = self._channel.history(limit=_LOOK_BACK, after=since, oldest_first=False)
        try:
            with readable_answers():
                async for message in history:
                    if message.author.id == me.id and result.is_in(message):
                        logger.info("found: an earlier try had got through")
                        return Posted(message.id, message.channel.id)
        except (discord.Forbidden, discord.NotFound):
            return None
        return None

    async def send(self, result: ResultMessage) -> Posted:
        content: dict[str, Any] = {
            "content": result.content,
            "embed": result.embed(),
            "files": result.files(),
            "nonce": result.job.id[:_NONCE_LIMIT],
        }
        if self._replies and self._job.answer_id is not None:
            content["reference"] = discord.MessageReference(
                message_id=self._job.answer_id,
                channel_id=self._job.origin.channel_id,
                fail_if_not_exists=False,
            )
        if (view := result.view()) is not None:
            content["view"] = view
        with readable_answers():
            message = await self._channel.send(**content)
        return Posted(message.id, message.channel.id)


def channel_route(client: discord.Client, job: Job) -> ChannelRoute:
    """Where the command was typed. What fits there is the server's to say, not its members'."""
    origin = job.origin
    guild = client.get_guild(origin.guild_id) if origin.guild_id is not None else None
    limit = guild.filesize_limit if guild else discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
    place = client.get_partial_messageable(origin.channel_id)
    return ChannelRoute(client, place, job, upload_limit=limit, replies=True)


async def direct_message_route(client: discord.Client, job: Job) -> ChannelRoute:
    """Between the bot and the job's owner."""
    with readable_answers():
        place = await client.create_dm(discord.Object(job.user_id))
    limit = discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES
    return ChannelRoute(client, place, job, upload_limit=limit, replies=False)
