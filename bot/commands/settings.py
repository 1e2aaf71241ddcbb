"""/settings: a person's own defaults for /gif, and a server's defaults and rules.

What follows from them is ``bot.commands.defaults``'s.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import discord
from discord import AppCommandOptionType, app_commands
from discord.ui import View

from bot.commands.lora_choice import usable_lora, viewer_of
from bot.commands.offered_options import setting_options
from bot.commands.option_parsing import is_offered, read_setting, read_style, read_whole_number
from bot.commands.options import Bounded, Option, command, localized
from bot.core.config import Style
from bot.core.errors import RefusedError
from bot.core.translations import translate
from bot.gateway.context import BotContext, context_of, managed_guild
from bot.storage import loras
from bot.storage.loras import Shared
from bot.storage.preferences import PERSON, SERVER
from bot.ui import wording
from bot.ui.actions import ActionButton, Values, outdated_button_error
from bot.ui.answers import send_ephemeral
from generator.contract.limits import SIZE_LABELS, ModelLimits
from generator.contract.options.gif_options import OPTIONS, spec_named
from generator.contract.options.spec import NO_SETTING, Kind
from generator.contract.text import Text

_KIND = AppCommandOptionType
_MAX_LISTED = 20  # channels or roles of one server
_MAX_WAITING = 1000
_MENTIONS = {"channels": "<#{}>", "roles": "<@&{}>"}
_UNDO = re.compile(r"(?P<was>on|off)(?P<name>channels|roles)(?P<id>\d{1,20})")
# What is set here alone, beside the options of a GIF.
_OWN_NAMES = {
    "ping": Text("ping when done"),
    "recipe": Text("prompt in files"),
    "channels": Text("channels"),
    "roles": Text("roles"),
    "waiting": Text("waiting per person"),
}
_NAMES = _OWN_NAMES | {
    spec.name: setting.label or spec.label
    for spec in OPTIONS
    for setting in (spec.mine, spec.server)
    if setting
}


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
        name: _read_setting(context, name, value)
        for name, value in given.items()
        if value is not None
    }
    now = await context.preferences.change(PERSON, interaction.user.id, changes)
    shown = _still_offered(context, now)
    await send_ephemeral(interaction, _listing(translate("Your defaults for /gif"), shown))


async def server_(
    interaction: discord.Interaction[Any],
    *,
    channel: Any = None,
    role: Any = None,
    lora: Any = None,
    **given: Any,
) -> None:
    """Set the server's rules that were given, and show them all; only its managers may."""
    context, guild_id = context_of(interaction), _guild_to_manage(interaction)
    before = await context.preferences.get(SERVER, guild_id)
    toggled = {"channels": channel, "roles": role}
    changes: dict[str, Any] = {
        name: _toggled(before.get(name), one.id) for name, one in toggled.items() if one is not None
    }
    if lora is not None:
        changes["lora"] = await _shared_lora(interaction, lora)
    changes |= {
        name: _read_setting(context, name, value)
        for name, value in given.items()
        if value is not None
    }
    now = await context.preferences.change(SERVER, guild_id, changes)
    words = await _rules(interaction, now)
    view = View(timeout=None)
    for name in changes:
        if (one := toggled.get(name)) is not None:
            words += f"\n{_describe_change(name, before.get(name), now.get(name))}"
            old_state = "on" if one.id in (before.get(name) or ()) else "off"
            label = translate("Undo: {name}", name=translate(_NAMES[name]))
            view.add_item(ActionButton("rules_undo", f"{old_state}{name}{one.id}", label=label))
    await interaction.response.send_message(words, view=view, ephemeral=True)


async def undo(interaction: discord.Interaction[Any], target: str, values: Values) -> None:
    """Put one channel or role back to where it was before the command."""
    del values
    context, guild_id = context_of(interaction), _guild_to_manage(interaction)
    if (match := _UNDO.fullmatch(target)) is None:
        raise outdated_button_error()
    name, number = match["name"], int(match["id"])
    listed = (await context.preferences.get(SERVER, guild_id)).get(name) or []
    if (number in listed) != (match["was"] == "on"):
        changes = {name: _toggled(listed, number)}
        await context.preferences.change(SERVER, guild_id, changes)
    now = await context.preferences.get(SERVER, guild_id)
    await interaction.response.edit_message(content=await _rules(interaction, now), view=None)


def _guild_to_manage(interaction: discord.Interaction[Any]) -> int:
    """Return the server's id. Raises RefusedError where this person doesn't manage it."""
    guild_id = managed_guild(interaction)
    if guild_id is None:
        raise RefusedError("Only people who can manage this server can see and set its rules.")
    return guild_id


async def _rules(interaction: discord.Interaction[Any], now: Mapping[str, Any]) -> str:
    """Return the server's rules, with the LoRA's name for its id."""
    context = context_of(interaction)
    shown = _still_offered(context, now)
    if "lora" in shown:
        database = context.database
        found = await database.read(loras.usable, viewer_of(interaction), shown["lora"])
        shown["lora"] = found.name if found else translate("(no longer shared here)")
    return _listing(translate("This server's rules"), shown)


def _describe_change(name: str, before: list[int] | None, now: list[int] | None) -> str:
    """Return what was listed and what is, where an empty list allows everything."""
    nothing = translate("all")
    old, new = (_describe_value(name, each) if each else nothing for each in (before, now))
    return translate("Before: {old}. Now: {new}.", old=old, new=new)


async def _shared_lora(interaction: discord.Interaction[Any], value: object) -> str | None:
    """Return the id of a LoRA that everybody here may use; None for the word that forgets it."""
    if value == NO_SETTING:
        return None
    found = await usable_lora(interaction, value)
    if found.shared is Shared.ME:
        raise RefusedError("Others can't use that one; share it with this server first.")
    return found.id


def _read_setting(context: BotContext, name: str, value: Any) -> Any:
    """Return a value as it is kept; None for the word that forgets it. Raises RequestError."""
    if value == NO_SETTING:
        return None
    if name == "waiting":
        return max(0, read_whole_number(_NAMES[name], value, 0)) or None
    if name in _OWN_NAMES:
        return bool(value)
    spec = spec_named(name)
    if spec.kind is Kind.STYLE:
        read_style(context.settings.styles, value)
    if spec.kind is Kind.MODEL:
        return context.models.named(str(value)).label
    return read_setting(context.models.widest_limits, spec, value)


def _toggled(now: list[int] | None, added: int) -> list[int] | None:
    """Return the list with ``added``, or without it where it was there."""
    others = [each for each in now or [] if each != added]
    if len(others) == len(now or []):
        others.append(added)
    if len(others) > _MAX_LISTED:
        raise RefusedError("At most {most} can be listed; remove one first.", most=_MAX_LISTED)
    return others or None


def _still_offered(context: BotContext, kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was kept without what counts no more, such as a style that the config lost."""
    specs = {spec.name: spec for spec in OPTIONS}
    limits, styles = context.models.widest_limits, context.settings.styles
    return {
        name: value
        for name, value in kept.items()
        if name not in specs
        or (
            context.models.find(str(value)) is not None
            if specs[name].kind is Kind.MODEL
            else is_offered(limits, styles, specs[name], value)
        )
    }


def _listing(title: str, values: Mapping[str, Any]) -> str:
    lines = [
        f"{translate(_NAMES[name]) if name in _NAMES else name}: {_describe_value(name, value)}"
        for name, value in values.items()
    ]
    return f"**{title}**\n" + (
        "\n".join(lines)
        or translate("Nothing is set yet; fill in an option of this command to set it.")
    )


def _describe_value(name: str, value: Any) -> str:
    if name in _MENTIONS:
        return ", ".join(_MENTIONS[name].format(each) for each in value)
    if name == "size" and value in SIZE_LABELS:
        return translate(SIZE_LABELS[value])
    if isinstance(value, bool):
        return translate("yes") if value else translate("no")
    return wording.excerpt(str(value), 500)


ACTIONS = {"rules_undo": undo}
