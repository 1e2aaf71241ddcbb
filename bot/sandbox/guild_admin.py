"""Servers and channels come, change and go; the bot is told of it over the gateway."""

from __future__ import annotations

from bot.sandbox import discord_json
from bot.sandbox.errors import SandboxError
from bot.sandbox.expressions import CREATE_GUILD_EXPRESSIONS
from bot.sandbox.gateway import GUILDS
from bot.sandbox.model import Channel, Guild, User
from bot.sandbox.world import Dispatch, World


def add_guild(world: World, name: str, *, owner: User | None, bot_is_in: bool) -> Guild:
    guild = world.add_guild(name, owner=owner, bot_is_in=bot_is_in)
    if bot_is_in:
        _announce(world, guild)
    return guild


def let_bot_in(world: World, guild: Guild) -> None:
    guild.bot_is_in = True
    world.add_member(guild, world.bot)
    _announce(world, guild)


def kick_bot(world: World, guild: Guild) -> None:
    guild.bot_is_in = False
    guild.members.pop(world.bot.id, None)
    _publish(world, guild, "GUILD_DELETE", {"id": str(guild.id)})


def add_channel(world: World, guild: Guild, name: str, *, nsfw: bool) -> Channel:
    channel = world.add_channel(guild, name, nsfw=nsfw)
    if guild.bot_is_in:
        _publish(world, guild, "CHANNEL_CREATE", discord_json.channel(channel))
    return channel


def delete_channel(world: World, channel: Channel) -> None:
    """Delete a channel with all its messages. Raises SandboxError for a DM."""
    guild = _guild_of(channel)
    del world.channels[channel.id], guild.channels[channel.id]
    if guild.bot_is_in:
        _publish(world, guild, "CHANNEL_DELETE", discord_json.channel(channel))


def permit_bot(world: World, channel: Channel, permissions: int) -> None:
    """Allow the bot just ``permissions`` in a channel. Raises SandboxError for a DM."""
    guild = _guild_of(channel)
    channel.bot_permissions = permissions
    if guild.bot_is_in:
        _publish(world, guild, "CHANNEL_UPDATE", discord_json.channel(channel))


def let_bot_create_expressions(world: World, guild: Guild, *, may: bool) -> None:
    """Give the bot the right to add emojis and stickers, as a new invitation does; or take it."""
    roles = guild.members[world.bot.id].roles
    found = next((role for role in roles if role.permissions == CREATE_GUILD_EXPRESSIONS), None)
    if may and found is None:
        role = world.add_role(guild, "Hotshot", CREATE_GUILD_EXPRESSIONS)
        roles.append(role)
        shown = {"guild_id": str(guild.id), "role": discord_json.role(role)}
        _publish(world, guild, "GUILD_ROLE_CREATE", shown)
    elif found is not None and not may:
        roles.remove(found)
        guild.roles.remove(found)
        gone = {"guild_id": str(guild.id), "role_id": str(found.id)}
        _publish(world, guild, "GUILD_ROLE_DELETE", gone)


def _guild_of(channel: Channel) -> Guild:
    if channel.guild is None:
        raise SandboxError("A direct message's channel stays as it is.")
    return channel.guild


def _announce(world: World, guild: Guild) -> None:
    """Publish a server that the bot has just joined, which doesn't say whether it is available."""
    joined = discord_json.guild_create(world, guild)
    del joined["unavailable"]
    _publish(world, guild, "GUILD_CREATE", joined)


def _publish(world: World, guild: Guild, name: str, data: discord_json.Json) -> None:
    world.publish(Dispatch(name, data, guild_id=guild.id, intent=GUILDS))
