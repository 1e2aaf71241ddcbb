"""Applies what was set once (``bot.commands.settings``): people's defaults and a server's rules.

One's own defaults go before the server's, and what is typed goes before both. A server may keep the
bot to some channels or to those who have a role, and GIFs to a length, steps and a number for each
person; whoever manages it is not kept to that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import discord

from bot.commands.lora_choice import viewer_of
from bot.commands.option_parsing import DEFAULT_FRAMES, nearest_size
from bot.core.errors import RefusedError
from bot.core.markdown import Markdown
from bot.gateway.context import context_of
from bot.gateway.payloads import roles_of
from bot.jobs.store import too_many_here
from bot.storage import loras
from bot.storage.preferences import SERVER
from generator.contract.lora_tags import has_tags
from generator.contract.messages import Request


async def check_allowed(interaction: discord.Interaction[Any], requests: Sequence[Request]) -> None:
    """Raise RefusedError where the server doesn't allow this person, channel, or as much."""
    if interaction.guild_id is None or interaction.permissions.manage_guild:
        return
    context = context_of(interaction)
    server = await context.preferences.get(SERVER, interaction.guild_id)
    _check_allowed(interaction, server)
    _check_limits(server, requests)
    if most := server.get("waiting"):
        own = context.jobs.waiting_or_running(interaction.user.id)
        here = sum(each.job.origin.guild_id == interaction.guild_id for each in own)
        if here + len(requests) > most:
            raise too_many_here(most)


async def waiting_limit(interaction: discord.Interaction[Any]) -> int | None:
    """Return how many jobs this person may have unfinished on this server; None for any."""
    if interaction.guild_id is None or interaction.permissions.manage_guild:
        return None
    server = await context_of(interaction).preferences.get(SERVER, interaction.guild_id)
    return server.get("waiting") or None


async def server_defaults(interaction: discord.Interaction[Any]) -> dict[str, Any]:
    """Return the server's limits on frames and steps that are lower than the usual ones."""
    if interaction.guild_id is None:
        return {}
    server = await context_of(interaction).preferences.get(SERVER, interaction.guild_id)
    return _capped_defaults(interaction, server)


async def limited_to_offer(interaction: discord.Interaction[Any], request: Request) -> Request:
    """Return a stranger's request, reduced to what /gif offers this person here.

    Raises RequestError for what no model of this size makes.
    """
    limits = context_of(interaction).limits
    limits.check(request)
    if request.width * request.height > max(size.width * size.height for size in limits.sizes):
        size = nearest_size(limits, request.width, request.height)
        request = replace(request, width=size.width, height=size.height)
    if interaction.guild_id is None or interaction.permissions.manage_guild:
        return request
    server = await context_of(interaction).preferences.get(SERVER, interaction.guild_id)
    frames = min(request.video_length, server.get("frames") or request.video_length)
    return replace(
        request,
        video_length=frames,
        video_duration=round(request.video_duration * frames / request.video_length),
        steps=min(request.steps, server.get("steps") or request.steps),
    )


async def apply_defaults(
    interaction: discord.Interaction[Any], given: dict[str, Any]
) -> dict[str, Any]:
    """Return the options with the defaults where nothing was typed.

    Raises RefusedError where the server doesn't allow this person, or this channel.
    """
    context = context_of(interaction)
    own, server = await context.preferences.both(interaction.user.id, interaction.guild_id)
    _check_allowed(interaction, server)
    defaults = {"style": server.get("style")} | own | _capped_defaults(interaction, server)
    has_own = given["lora"] or given["lora_2"] or has_tags(str(given["prompt"]))
    if not has_own and "lora" in server:
        usable = await context.database.read(loras.usable, viewer_of(interaction), server["lora"])
        defaults["lora"] = usable and usable.id
    # an empty text was never a setting: nothing was set
    return given | {
        name: value
        for name, value in defaults.items()
        if name in given and given[name] is None and value not in (None, "")
    }


async def wants_private(interaction: discord.Interaction[Any]) -> bool:
    """Return whether this person chose that only they see their GIFs.

    It is for whatever has no such option.
    """
    own, _ = await context_of(interaction).preferences.both(
        interaction.user.id, interaction.guild_id
    )
    return bool(own.get("private"))


def _capped_defaults(
    interaction: discord.Interaction[Any], server: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the usual frames and steps that a server's limits are below."""
    if interaction.permissions.manage_guild:
        return {}
    usual = {"frames": DEFAULT_FRAMES, "steps": context_of(interaction).limits.steps}
    return {name: server[name] for name in usual if name in server and server[name] < usual[name]}


def _check_limits(server: Mapping[str, Any], requests: Sequence[Request]) -> None:
    frames, steps = server.get("frames"), server.get("steps")
    if frames and any(request.video_length > frames for request in requests):
        raise RefusedError("On this server a GIF can have at most {most} frames.", most=frames)
    if steps and any(request.steps_made > steps for request in requests):
        raise RefusedError("On this server a GIF can take at most {most} steps.", most=steps)


def _check_allowed(interaction: discord.Interaction[Any], server: dict[str, Any]) -> None:
    if interaction.permissions.manage_guild:
        return
    channels, roles = server.get("channels"), server.get("roles")
    if channels and not _channels_of(interaction).intersection(channels):
        places = Markdown(", ".join(f"<#{channel}>" for channel in channels))
        raise RefusedError(
            "On this server GIFs are made in {places}; use the command there.", places=places
        )
    if roles and not roles_of(interaction).intersection(roles):
        raise RefusedError("On this server only members with certain roles can make GIFs.")


def _channels_of(interaction: discord.Interaction[Any]) -> set[int | None]:
    """Return the ids of the channel, its parent, and its category."""
    channel = interaction.channel
    above = (getattr(channel, name, None) for name in ("parent_id", "category_id"))
    return {interaction.channel_id, *above}
