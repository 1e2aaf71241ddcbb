"""Shows withheld results to who decides on them: a server's log channel, or the bot's owner."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack

import discord

from bot.core.errors import TooLargeError
from bot.core.translations import in_language
from bot.delivery.fitting import FittedFiles
from bot.gateway.context import BotContext
from bot.gateway.discord_errors import SEND_ERRORS, readable_answers
from bot.gateway.owners_messages import owners_messages
from bot.jobs.notifier import Posted
from bot.storage.models import Job
from bot.storage.preferences import LOG_CHANNEL, SERVER
from bot.ui import wording
from bot.ui.appeal_message import appeal_embed, decision_view
from bot.ui.result_message import OutputFile, stem_of

logger = logging.getLogger(__name__)

_NONCE_LIMIT = 25
_DEFAULT_LIMIT = discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES


async def post_appeal(
    context: BotContext, client: discord.Client, job: Job, *, locale: str
) -> tuple[int | None, Posted] | None:
    """Post a job's withheld file where moderators see it; return whose they are, and where.

    Without a server, or a log channel there that the bot may write in, the first of those who run
    the bot that can be is written to, and the first is None. Posting twice leaves one message. None
    where nobody can be reached.
    """
    guild_id = job.origin.guild_id
    if guild_id is not None:
        chosen = (await context.preferences.get(SERVER, guild_id)).get(LOG_CHANNEL)
        guild = client.get_guild(guild_id)
        if chosen:
            limit = guild.filesize_limit if guild else _DEFAULT_LIMIT
            place = client.get_partial_messageable(chosen)
            with in_language(locale):
                if (posted := await _post(context, place, job, limit)) is not None:
                    return guild_id, posted
    async for direct in owners_messages(client):
        if (posted := await _post(context, direct, job, _DEFAULT_LIMIT)) is not None:
            return None, posted
    return None


async def _post(
    context: BotContext, place: discord.abc.Messageable, job: Job, limit: int
) -> Posted | None:
    path = context.blobs.path(job.withheld or "")
    with ExitStack() as directories:
        try:
            size = (await asyncio.to_thread(path.stat)).st_size
            files = FittedFiles([OutputFile(path, size)], context.scratch, directories)
            fitted = await files.within(limit)
            alt = wording.alt_text(job.request, fitted.path.suffix)
            name = f"{stem_of(job)}{fitted.path.suffix}"
            file = await asyncio.to_thread(
                discord.File, fitted.path, filename=name, spoiler=True, description=alt
            )
            with readable_answers():
                message = await place.send(
                    embed=appeal_embed(job),
                    view=decision_view(job.id),
                    file=file,
                    nonce=f"appeal{job.id}"[:_NONCE_LIMIT],
                )
        except (TooLargeError, OSError, *SEND_ERRORS) as error:
            logger.warning("a withheld result can't be shown to moderators: %s", error)
            return None
    return Posted(message.id, message.channel.id)
