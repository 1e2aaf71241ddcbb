"""/settings: what /gif takes for granted, one's own and the server's.

One's own go before the server's, and what is typed goes before both. A server may keep the bot to
some channels, or to those who have a role; whoever manages it says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord
from discord import AppCommandOptionType, app_commands

from bot.commands.options import Bounded, Option, choice_of, command
from bot.commands.reading import FORMATS, read_format, read_size, read_style
from bot.config_library import Style
from bot.errors import RefusedError
from bot.house import House, house_of, managed_guild
from bot.intake.names import plain_line
from bot.storage import preferences as rows
from bot.ui import text
from bot.ui.answers import whisper
from generator.limits import MAX_PROMPT_CHARACTERS, ModelLimits

NONE = "-"
_KIND = AppCommandOptionType
_MOST = 20  # channels or roles of one server
_OF_REQUEST = ("size", "style", "negative_prompt", "format", "private")


def build(limits: ModelLimits, styles: Mapping[str, Style]) -> app_commands.Group:
    """The group with both commands."""
    group = app_commands.Group(name="settings", description="What /gif takes for granted.")
    own: dict[str, Option] = {
        "size": Option(choice_of([*(size.name for size in limits.sizes), NONE]), "The shape."),
        "negative_prompt": Option(
            Bounded(_KIND.string, 1, MAX_PROMPT_CHARACTERS),
            f"What no GIF of yours should show ({NONE}: nothing).",
        ),
        "format": Option(choice_of([*FORMATS, NONE]), "The kind of file."),
        "private": Option(Bounded(_KIND.boolean), "Whether only you see your GIFs."),
    }
    server: dict[str, Option] = {
        "channel": Option(Bounded(_KIND.channel), "Allow the bot here too, or no more."),
        "role": Option(Bounded(_KIND.role), "Allow those with this role too, or no more."),
    }
    if styles:
        style = Option(choice_of([*list(styles)[:24], NONE]), "The look.")
        own["style"] = server["style"] = style
    group.add_command(command("mine", "Show or set your own defaults.", mine, own))
    group.add_command(command("server", "Show or set this server's rules.", server_, server))
    return group


async def mine(interaction: discord.Interaction[Any], **given: Any) -> None:
    """Sets what was given, shows what stands there."""
    house = house_of(interaction)
    changes = {
        name: _checked(house, name, value) for name, value in given.items() if value is not None
    }
    now = await house.database.write(rows.change, rows.PERSON, interaction.user.id, changes)
    await whisper(interaction, _shown("Your defaults for /gif", now))


async def server_(
    interaction: discord.Interaction[Any],
    *,
    channel: Any = None,
    role: Any = None,
    style: Any = None,
) -> None:
    """The same for the server, by who manages it."""
    house, guild_id = house_of(interaction), managed_guild(interaction)
    if guild_id is None:
        raise RefusedError("Only who manages this server can see and set its rules.")
    now = await house.database.read(rows.get, rows.SERVER, guild_id)
    changes: dict[str, Any] = {}
    if channel is not None:
        changes["channels"] = _toggled(now.get("channels"), channel.id)
    if role is not None:
        changes["roles"] = _toggled(now.get("roles"), role.id)
    if style is not None:
        changes["style"] = _checked(house, "style", style)
    now = await house.database.write(rows.change, rows.SERVER, guild_id, changes)
    await whisper(interaction, _shown("This server's rules", now))


async def check_allowed(interaction: discord.Interaction[Any]) -> None:
    """Raises RefusedError where the server doesn't allow this person, or this channel."""
    if interaction.guild_id is not None:
        database = house_of(interaction).database
        server = await database.read(rows.get, rows.SERVER, interaction.guild_id)
        _check_allowed(interaction, server)


async def taken_for_granted(
    interaction: discord.Interaction[Any], given: dict[str, Any]
) -> dict[str, Any]:
    """The options with what was set where nothing was typed. Raises RefusedError where the server
    doesn't allow this person, or this channel.
    """
    database = house_of(interaction).database
    own, server = await database.read(rows.both, interaction.user.id, interaction.guild_id)
    _check_allowed(interaction, server)
    granted = {name: server.get(name) for name in ("style",)} | own
    return given | {
        name: granted[name]
        for name in _OF_REQUEST
        if name in given and given[name] is None and granted.get(name) is not None
    }


def _check_allowed(interaction: discord.Interaction[Any], server: dict[str, Any]) -> None:
    if interaction.permissions.manage_guild:
        return
    channels, roles = server.get("channels"), server.get("roles")
    if channels and interaction.channel_id not in channels:
        places = ", ".join(f"<#{channel}>" for channel in channels)
        raise RefusedError(f"On this server GIFs are made in {places}; type it there.")
    if roles:
        # as the event has them: the bot keeps no list of members
        mine = {role.id for role in getattr(interaction.user, "roles", ())}
        if not mine.intersection(roles):
            raise RefusedError("On this server GIFs are for those who have a certain role.")


def _checked(house: House, name: str, value: Any) -> Any:
    """A value that /gif would take; None for the word that forgets it. Raises RequestError."""
    if value == NONE:
        return None
    if name == "size":
        return read_size(house.limits, value).name
    if name == "style":
        read_style(house.settings.styles, value)
    elif name == "format":
        read_format(value)
    elif name == "private":
        return bool(value)
    return plain_line(str(value), MAX_PROMPT_CHARACTERS) or None


def _toggled(now: list[int] | None, added: int) -> list[int] | None:
    """With it, or without it where it was there."""
    others = [each for each in now or [] if each != added]
    if len(others) == len(now or []):
        others.append(added)
    if len(others) > _MOST:
        raise RefusedError(f"At most {_MOST} can be named; take one out first.")
    return others or None


def _shown(title: str, values: Mapping[str, Any]) -> str:
    marks = {"channels": "<#{}>", "roles": "<@&{}>"}
    lines = []
    for name, value in values.items():
        mark = marks.get(name)
        words = (
            ", ".join(mark.format(each) for each in value) if mark else text.prompt(str(value), 500)
        )
        lines.append(f"{name.replace('_', ' ')}: {words}")
    return f"**{title}**\n" + ("\n".join(lines) or "Nothing is set; type an option to set one.")
