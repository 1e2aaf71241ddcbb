"""/settings: a person's own defaults for /gif, and a server's defaults and rules.

What follows from them is ``bot.commands.defaults``'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import discord
from discord import AppCommandOptionType, app_commands

from bot.commands import settings_panel
from bot.commands.offered_options import setting_options
from bot.commands.options import Bounded, Option, command, localized
from bot.commands.setting_values import (
    NAMES,
    describe_value,
    guild_to_manage,
    read_kept,
    shared_lora,
    toggled,
)
from bot.core.config import Style
from bot.core.translations import translate
from bot.gateway.context import context_of
from bot.storage.preferences import PERSON, SERVER
from bot.ui.actions import ActionButton, Values, outdated_button_error
from generator.contract.limits import ModelLimits
from generator.contract.text import Text

_KIND = AppCommandOptionType
_MAX_WAITING = 1000
_UNDO = re.compile(r"(?P<was>on|off)(?P<name>channels|roles)(?P<id>\d{1,20})")


def build(
    limits: ModelLimits, styles: Mapping[str, Style], *, offers_models: bool = False
) -> app_commands.Group:
    """Return the group with both commands."""
    group = app_commands.Group(
        name="settings", description=localized(Text("Your defaults for /gif."))
    )
    own = setting_options("mine", limits, styles, _own_of_person(), offers_models=offers_models)
    server = setting_options(
        "server", limits, styles, _own_of_server(), offers_models=offers_models
    )
    group.add_command(command("mine", Text("Show or set your own defaults."), mine, own))
    group.add_command(command("server", Text("Show or set this server's rules."), server_, server))
    return group


def _own_of_person() -> dict[str, Option]:
    return {
        "ping": Option(
            Bounded(_KIND.boolean), Text("Whether to mention you when your GIF is done.")
        ),
        "recipe": Option(
            Bounded(_KIND.boolean),
            Text("Whether files carry the prompt and settings that made them."),
        ),
    }


def _own_of_server() -> dict[str, Option]:
    return {
        "channel": Option(
            Bounded(_KIND.channel),
            Text("Allow the bot in this channel, or stop allowing it."),
        ),
        "role": Option(
            Bounded(_KIND.role),
            Text("Allow members with this role, or stop allowing them."),
        ),
        "waiting": Option(
            Bounded(_KIND.integer, 0, _MAX_WAITING),
            Text("How many GIFs one person may have waiting here (0: the bot's own limit)."),
        ),
    }


async def mine(interaction: discord.Interaction[Any], **given: Any) -> None:
    """Set this person's own defaults that were given, and show them all."""
    context = context_of(interaction)
    changes = {
        name: read_kept(context, name, value) for name, value in given.items() if value is not None
    }
    await context.preferences.change(PERSON, interaction.user.id, changes)
    await settings_panel.show(interaction, "mine")


async def server_(
    interaction: discord.Interaction[Any],
    *,
    channel: Any = None,
    role: Any = None,
    lora: Any = None,
    **given: Any,
) -> None:
    """Set the server's rules that were given, and show them all; only its managers may."""
    context, guild_id = context_of(interaction), guild_to_manage(interaction)
    before = await context.preferences.get(SERVER, guild_id)
    listed = {"channels": channel, "roles": role}
    changes: dict[str, Any] = {
        name: toggled(before.get(name), one.id) for name, one in listed.items() if one is not None
    }
    if lora is not None:
        changes["lora"] = await shared_lora(interaction, lora)
    changes |= {
        name: read_kept(context, name, value) for name, value in given.items() if value is not None
    }
    now = await context.preferences.change(SERVER, guild_id, changes)
    notes: list[str] = []
    undo: list[ActionButton] = []
    for name in changes:
        if (one := listed.get(name)) is not None:
            notes.append(_describe_change(name, before.get(name), now.get(name)))
            old_state = "on" if one.id in (before.get(name) or ()) else "off"
            label = translate("Undo: {name}", name=translate(NAMES[name]))
            undo.append(ActionButton("rules_undo", f"{old_state}{name}{one.id}", label=label))
    await settings_panel.show(interaction, "server", note="\n".join(notes), undo=undo)


async def undo(interaction: discord.Interaction[Any], target: str, values: Values) -> None:
    """Put one channel or role back to where it was before the command."""
    del values
    context, guild_id = context_of(interaction), guild_to_manage(interaction)
    if (match := _UNDO.fullmatch(target)) is None:
        raise outdated_button_error()
    name, number = match["name"], int(match["id"])
    listed = (await context.preferences.get(SERVER, guild_id)).get(name) or []
    if (number in listed) != (match["was"] == "on"):
        changes = {name: toggled(listed, number)}
        await context.preferences.change(SERVER, guild_id, changes)
    await settings_panel.show(interaction, "server")


def _describe_change(name: str, before: list[int] | None, now: list[int] | None) -> str:
    """Return what was listed and what is, where an empty list allows everything."""
    nothing = translate("all")
    old, new = (describe_value(name, each) if each else nothing for each in (before, now))
    return translate("Before: {old}. Now: {new}.", old=old, new=new)


ACTIONS = {**settings_panel.ACTIONS, "rules_undo": undo}
