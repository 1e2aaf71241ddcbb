"""Applies what was set once (``bot.commands.settings``): people's defaults and a server's rules.

One's own defaults go before the server's, and what is typed goes before both. The rules themselves
are ``bot.policy``'s.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord

from bot.commands.lora_choice import viewer_of
from bot.commands.option_parsing import (
    GivenOptions,
    kept_defaults,
    nearest_size,
    with_defaults,
)
from bot.core.model_catalogue import DEFAULT
from bot.gateway.context import actor_of, context_of, place_of
from bot.jobs.gate import RequestLimits
from bot.storage import loras
from generator.contract.limits import ModelLimits
from generator.contract.lora_tags import has_tags
from generator.contract.messages import Request
from generator.contract.options.picture import default_frames
from generator.contract.stages import with_most_steps


async def server_defaults(interaction: discord.Interaction[Any]) -> GivenOptions:
    """Return the server's limits on frames and steps that are lower than the usual ones, and the
    model that this person or the server has chosen.
    """
    return await _with_model(interaction, GivenOptions())


async def limited_to_offer(interaction: discord.Interaction[Any], request: Request) -> Request:
    """Return a stranger's request, reduced to what /gif offers this person here.

    Raises RequestError for what no model of this size makes.
    """
    limits = context_of(interaction).models.limits(request.model)
    limits.check(request)
    if request.width * request.height > max(size.width * size.height for size in limits.sizes):
        size = nearest_size(limits, request.width, request.height)
        request = replace(request, width=size.width, height=size.height)
    most = await _limits(interaction)
    if most.steps is not None:
        request = with_most_steps(request, most.steps)
    frames = min(request.video_length, most.frames or request.video_length)
    return replace(
        request,
        video_length=frames,
        video_duration=round(request.video_duration * frames / request.video_length),
    )


async def apply_defaults(
    interaction: discord.Interaction[Any], given: GivenOptions
) -> GivenOptions:
    """Return the options with the defaults where nothing was given.

    Raises RefusedError where the server doesn't allow this person, or this channel.
    """
    context = context_of(interaction)
    own, server = await context.preferences.both(interaction.user.id, interaction.guild_id)
    await context.policy.check_actor(actor_of(interaction), place_of(interaction))
    given = await _with_model(interaction, given)
    limits = context.models.limits(given.model or DEFAULT)
    defaults = kept_defaults(limits, context.settings.styles, own, server)
    lora = defaults.pop("lora", None)
    has_own = given.lora or given.lora_2 or has_tags(given.prompt or "")
    if lora is not None and not has_own:
        usable = await context.database.read(loras.usable, viewer_of(interaction), str(lora))
        defaults["lora"] = usable and usable.id
    return with_defaults(given, defaults)


async def wants_private(interaction: discord.Interaction[Any]) -> bool:
    """Return whether this person chose that only they see their GIFs.

    It is for whatever has no such option.
    """
    own, _ = await context_of(interaction).preferences.both(
        interaction.user.id, interaction.guild_id
    )
    return bool(own.get("private"))


async def _with_model(interaction: discord.Interaction[Any], given: GivenOptions) -> GivenOptions:
    """Return the options with the model that is chosen by what requests call it, and with the
    server's limits where they are lower than what that makes by default.
    """
    context = context_of(interaction)
    own, server = await context.preferences.both(interaction.user.id, interaction.guild_id)
    if given.model is not None:
        model = context.models.named(given.model)
    else:  # what was set once and is gone is passed over
        kept = (context.models.find(str(each.get("model", ""))) for each in (own, server))
        model = next(filter(None, kept), context.models.get(DEFAULT))
    capped = await _capped_defaults(interaction, model.limits)
    return with_defaults(replace(given, model=model.name), capped)


async def _capped_defaults(
    interaction: discord.Interaction[Any], limits: ModelLimits
) -> dict[str, int]:
    most = await _limits(interaction)
    usual = {"frames": (default_frames(limits), most.frames), "steps": (limits.steps, most.steps)}
    return {name: limit for name, (usually, limit) in usual.items() if limit and limit < usually}


async def _limits(interaction: discord.Interaction[Any]) -> RequestLimits:
    policy = context_of(interaction).policy
    return await policy.limits(actor_of(interaction), place_of(interaction))
