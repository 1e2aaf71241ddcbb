"""Posts results in servers' galleries, and takes them away again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from contextlib import ExitStack

import discord

from bot.core.errors import RefusedError
from bot.core.markdown import Markdown
from bot.delivery.fitting import FittedFiles
from bot.gateway.context import BotContext
from bot.gateway.discord_errors import SEND_ERRORS, readable_answers
from bot.storage import gallery as rows
from bot.storage.gallery import GalleryPost
from bot.storage.models import Attachment, Job
from bot.ui import wording
from bot.ui.gallery_layout import gallery_layout
from bot.ui.result_layout import ShownFile
from bot.ui.result_message import OutputFile, stem_of
from bot.ui.stored_files import made_file

logger = logging.getLogger(__name__)

_NONCE_LIMIT = 25


async def post_in_gallery(
    context: BotContext,
    channel: discord.abc.GuildChannel,
    job: Job,
    original: Attachment,
    post: GalleryPost,
) -> GalleryPost:
    """Post a job's file, made small enough for that server; return the post as it stands there.

    A message that Discord had already, when the answer was lost, is not doubled: it has the post's
    nonce. Raises RefusedError, WithheldError and TooLargeError.
    """
    path, guild = context.blobs.path(original.blob), channel.guild
    with ExitStack() as directories:
        whole = OutputFile(path, original.size_bytes)
        files = FittedFiles([whole], context.scratch, directories)
        fitted = await files.within(guild.filesize_limit)
        alt = wording.alt_text(job.request, fitted.path.suffix)
        name = f"{stem_of(job)}{fitted.path.suffix}"
        file = await made_file(context, job, guild.id, fitted.path, name, description=alt)
        votes = await context.database.read(rows.vote_count, post.id)
        view = gallery_layout(job, post.id, ShownFile(file.filename, alt), votes)
        message = await _send(channel, view, file, post.id[:_NONCE_LIMIT])
    await context.database.write(rows.note_message, post.id, channel.id, message.id, file.filename)
    return GalleryPost(
        id=post.id,
        job_id=job.id,
        guild_id=guild.id,
        channel_id=channel.id,
        message_id=message.id,
        file_name=file.filename,
    )


async def _send(
    channel: discord.abc.GuildChannel, view: discord.ui.LayoutView, file: discord.File, nonce: str
) -> discord.Message:
    if not isinstance(channel, discord.abc.Messageable):
        raise _closed(channel)
    try:
        with readable_answers():
            return await channel.send(view=view, file=file, nonce=nonce)
    except (discord.Forbidden, discord.NotFound) as error:
        raise _closed(channel) from error


def _closed(channel: discord.abc.GuildChannel) -> RefusedError:
    return RefusedError(
        "The bot can't post files in {channel}; whoever manages this server can let it, or choose "
        "another gallery channel in /settings server.",
        channel=Markdown(f"<#{channel.id}>"),
    )


async def is_posted(client: discord.Client, post: GalleryPost) -> bool:
    """Return whether a post's message is there still, as far as the bot may look."""
    if post.message_id is None:
        return False
    place = client.get_partial_messageable(post.channel_id)
    try:
        with readable_answers():
            await place.get_partial_message(post.message_id).fetch()
    except discord.NotFound:
        return False
    except discord.Forbidden:
        return True
    return True


async def delete_posts(client: discord.Client, posts: Iterable[GalleryPost]) -> bool:
    """Delete the messages of posts; return whether none is left."""
    standing = [post for post in posts if post.message_id is not None]
    return all(await asyncio.gather(*(_delete(client, post) for post in standing)))


async def _delete(client: discord.Client, post: GalleryPost) -> bool:
    place = client.get_partial_messageable(post.channel_id)
    try:
        with readable_answers():
            await place.get_partial_message(post.message_id or 0).delete()
    except discord.NotFound:
        return True
    except SEND_ERRORS as error:
        logger.info("a post in a gallery can't be deleted: %s", error)
        return False
    return True
