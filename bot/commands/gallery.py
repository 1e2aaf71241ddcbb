"""Shares a GIF in the server's gallery, counts votes for it, and lists the best of the week.

The channel is a server's setting. Only whoever asked for a GIF shares it; they and moderators may
withdraw it, with its votes.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

import discord
from discord import app_commands

from bot.commands.options import command
from bot.commands.result_actions import job_of, original_of
from bot.commands.submit import check_allowed
from bot.core.errors import BotError, GoneError, RefusedError
from bot.core.translations import in_language, translate
from bot.delivery.gallery_posts import delete_posts, is_posted, post_in_gallery
from bot.gateway.context import context_of, moderated_guild
from bot.jobs.gate import Place
from bot.storage import gallery as rows
from bot.storage import jobs
from bot.storage.gallery import GalleryPost
from bot.storage.models import Job
from bot.storage.preferences import SERVER
from bot.ui import wording
from bot.ui.actions import Action, Values
from bot.ui.answers import send_ephemeral
from bot.ui.gallery_layout import gallery_layout, top_line, withdraw_view
from bot.ui.result_layout import ShownFile
from generator.contract.text import Text

_WEEK = timedelta(days=7)
_LISTED = 10
_WITHDRAWN = Text("That post was withdrawn from the gallery.")
# Votes for one post are counted and shown one after another, so the last count stays.
_counting: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

_Interaction = discord.Interaction[Any]


def build() -> app_commands.Command[Any, ..., None]:
    """Return /gallery."""
    return command("gallery", Text("What was shared here this week, by votes."), show_top, {})


# -- sharing ---------------------------------------------------------------------------------------


async def share(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Post the GIF in this server's gallery, once."""
    del values
    await check_allowed(interaction, [])
    job = await job_of(interaction, job_id)
    if job.user_id != interaction.user.id:
        raise RefusedError("Only the person who asked for a GIF can share it in the gallery.")
    channel = await _gallery_channel(interaction)
    place = Place(guild_id=channel.guild.id, is_age_restricted=_is_age_restricted(channel))
    await interaction.response.defer(ephemeral=True, thinking=True)  # a rule may take long
    await context_of(interaction).policy.check_shared(place, job)
    original = await original_of(interaction, job)
    context = context_of(interaction)
    new = GalleryPost(
        id=uuid.uuid4().hex, job_id=job.id, guild_id=channel.guild.id, channel_id=channel.id
    )
    post = await context.database.write(rows.reserve, new)
    if await is_posted(interaction.client, post):
        view = withdraw_view(post.id, is_sure=False)
        words = translate("It is in the gallery already: {link}", link=post.link)
        await interaction.edit_original_response(content=words, view=view)
        return
    if post.message_id is not None:  # somebody has deleted the message, and its votes with it
        await context.database.write(rows.remove, post.id)
        post = await context.database.write(rows.reserve, new)
    try:
        with in_language(_language_of(interaction)):
            post = await post_in_gallery(context, channel, job, original, post)
    except BotError:
        await context.database.write(rows.remove, post.id)
        raise
    words = translate("🖼️ Shared in the gallery: {link}", link=post.link)
    await interaction.edit_original_response(
        content=words, view=withdraw_view(post.id, is_sure=False)
    )


async def _gallery_channel(interaction: _Interaction) -> discord.abc.GuildChannel:
    """Return the channel that this server shares GIFs in. Raises RefusedError."""
    if interaction.guild_id is None:
        raise RefusedError("A gallery belongs to a server; press this button in one.")
    rules = await context_of(interaction).preferences.get(SERVER, interaction.guild_id)
    if not rules.get("gallery"):
        raise RefusedError(
            "This server has no gallery yet; whoever manages it can choose a channel for it in "
            "/settings server."
        )
    guild = interaction.client.get_guild(interaction.guild_id)
    if guild is None:
        raise RefusedError("The bot isn't a member of this server, so it can't post in a gallery.")
    channel: discord.abc.GuildChannel | None = guild.get_channel(rules["gallery"])
    if channel is None:
        raise RefusedError(
            "The gallery's channel is gone; whoever manages this server can choose another in "
            "/settings server."
        )
    return channel


def _is_age_restricted(channel: discord.abc.GuildChannel) -> bool:
    return isinstance(channel, discord.TextChannel) and channel.is_nsfw()


# -- withdrawing -----------------------------------------------------------------------------------


async def ask_to_withdraw(interaction: _Interaction, post_id: str, values: Values) -> None:
    """Ask whether a post should really go."""
    del values
    _, job = await _own_post(interaction, post_id)
    prompt = wording.excerpt(job.request.prompt, 100)
    words = translate('Withdraw "{prompt}" from the gallery, with its votes?', prompt=prompt)
    view = withdraw_view(post_id, is_sure=True)
    await interaction.response.send_message(words, view=view, ephemeral=True)


async def withdraw(interaction: _Interaction, post_id: str, values: Values) -> None:
    """Take a post away, with its votes."""
    del values
    post, _ = await _own_post(interaction, post_id)
    await context_of(interaction).database.write(rows.remove, post.id)
    await interaction.response.edit_message(
        content=translate("Withdrawn from the gallery."), view=None
    )
    if not await delete_posts(interaction.client, [post]):
        await send_ephemeral(
            interaction, translate("Its message couldn't be deleted; please delete it yourself.")
        )


async def _own_post(interaction: _Interaction, post_id: str) -> tuple[GalleryPost, Job]:
    """Return a post that this person may withdraw, and its job. Raises RefusedError."""
    post, job = await _post_and_job(interaction, post_id)
    moderates = moderated_guild(interaction) == post.guild_id
    if job.user_id != interaction.user.id and not moderates:
        raise RefusedError("Only the person whose GIF it is, or a moderator, can withdraw it.")
    return post, job


# -- votes -----------------------------------------------------------------------------------------


async def vote(interaction: _Interaction, post_id: str, values: Values) -> None:
    """Vote for a post, or take the vote back; the button shows how many have."""
    del values
    context = context_of(interaction)
    post, job = await _post_and_job(interaction, post_id)
    message = interaction.message
    if interaction.channel_id != post.channel_id or message is None:
        raise GoneError(_WITHDRAWN)
    if post.message_id not in (None, message.id):
        raise GoneError(_WITHDRAWN)
    if job.user_id == interaction.user.id:
        raise RefusedError("You can't vote for your own GIF.")
    if context.blocks.reason(interaction.user.id, post.guild_id) is not None:
        raise RefusedError("You are blocked here, so you can't vote.")
    lock = _counting.setdefault(post_id, asyncio.Lock())
    async with lock:
        votes = await context.database.write(rows.toggle_vote, post_id, interaction.user.id)
        if votes is None:
            raise GoneError(_WITHDRAWN)
        with in_language(_language_of(interaction)):
            alt = wording.alt_text(job.request, f".{post.file_name.rpartition('.')[2]}")
            view = gallery_layout(job, post_id, ShownFile(post.file_name, alt), votes)
            await interaction.response.edit_message(view=view)


async def show_top(interaction: _Interaction) -> None:
    """List this server's posts of the week that have the most votes."""
    channel = await _gallery_channel(interaction)
    member = interaction.user
    if not (isinstance(member, discord.Member) and channel.permissions_for(member).read_messages):
        raise RefusedError("This server's gallery is in a channel that you can't see.")
    database = context_of(interaction).database
    since = datetime.now(UTC) - _WEEK
    found = await database.read(rows.top, channel.guild.id, since, _LISTED)
    lines: list[str] = []
    for post, votes in found:
        job = await database.read(jobs.get, post.job_id)
        if job is not None:
            lines.append(top_line(len(lines) + 1, job, post, votes))
    nothing = translate("No votes yet this week. Press More under a GIF of yours, then Share.")
    embed = discord.Embed(
        title=translate("The gallery's best of the week"),
        description="\n".join(lines) or nothing,
        colour=discord.Colour.gold(),
    )
    await interaction.response.send_message(embed=embed, ephemeral=True)


async def _post_and_job(interaction: _Interaction, post_id: str) -> tuple[GalleryPost, Job]:
    """Return a post and its job. Raises GoneError."""
    database = context_of(interaction).database
    post = await database.read(rows.get, post_id)
    job = await database.read(jobs.get, post.job_id) if post is not None else None
    if post is None or job is None:
        raise GoneError(_WITHDRAWN)
    return post, job


def _language_of(interaction: _Interaction) -> str:
    """Return the server's language: everybody reads what stands in its gallery."""
    return str(interaction.guild_locale or "")


ACTIONS: dict[str, Action] = {
    "share": share,
    "unshare": ask_to_withdraw,
    "unshare_sure": withdraw,
    "vote": vote,
}
