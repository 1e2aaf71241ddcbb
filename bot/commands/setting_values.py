"""Values of /settings: read from options and forms, and said to people.

They are kept as they are read; what counts no more is passed over, never deleted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord

from bot.commands.lora_choice import usable_lora, viewer_of
from bot.commands.option_parsing import is_offered, read_setting, read_style, read_whole_number
from bot.core.errors import RefusedError
from bot.core.translations import translate
from bot.gateway.context import BotContext, context_of, managed_guild
from bot.storage import loras
from bot.storage.loras import Shared
from bot.ui import wording
from generator.contract.limits import SIZE_LABELS
from generator.contract.options.gif_options import OPTIONS, spec_named
from generator.contract.options.spec import NO_SETTING, Kind
from generator.contract.text import Text

MAX_LISTED = 20  # channels or roles of one server
_MENTIONS = {"channels": "<#{}>", "roles": "<@&{}>", "gallery": "<#{}>"}
# What is set here alone, beside the options of a GIF.
OWN_NAMES = {
    "ping": Text("ping when done"),
    "recipe": Text("prompt in files"),
    "channels": Text("channels"),
    "roles": Text("roles"),
    "waiting": Text("waiting per person"),
    "gallery": Text("gallery"),
}
NAMES = OWN_NAMES | {
    spec.name: setting.label or spec.label
    for spec in OPTIONS
    for setting in (spec.mine, spec.server)
    if setting
}


def guild_to_manage(interaction: discord.Interaction[Any]) -> int:
    """Return the server's id. Raises RefusedError where this person doesn't manage it."""
    guild_id = managed_guild(interaction)
    if guild_id is None:
        raise RefusedError("Only people who can manage this server can see and set its rules.")
    return guild_id


async def shown_rules(
    interaction: discord.Interaction[Any], now: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the server's rules that count, with the LoRA's name for its id."""
    context = context_of(interaction)
    shown = still_offered(context, now)
    if "lora" in shown:
        database = context.database
        found = await database.read(loras.usable, viewer_of(interaction), shown["lora"])
        shown["lora"] = found.name if found else translate("(no longer shared here)")
    return shown


async def shared_lora(interaction: discord.Interaction[Any], value: object) -> str | None:
    """Return the id of a LoRA that everybody here may use; None for the word that forgets it."""
    if value == NO_SETTING:
        return None
    found = await usable_lora(interaction, value)
    if found.shared is Shared.ME:
        raise RefusedError("Others can't use that one; share it with this server first.")
    return found.id


def read_kept(context: BotContext, name: str, value: Any) -> Any:
    """Return a value as it is kept; None for the word that forgets it. Raises RequestError."""
    if value == NO_SETTING:
        return None
    if name == "waiting":
        return max(0, read_whole_number(NAMES[name], value, 0)) or None
    if name in OWN_NAMES:
        return bool(value)
    spec = spec_named(name)
    if spec.kind is Kind.STYLE:
        read_style(context.settings.styles, value)
    if spec.kind is Kind.MODEL:
        return context.models.named(str(value)).label
    return read_setting(context.models.widest_limits, spec, value)


def toggled(now: list[int] | None, added: int) -> list[int] | None:
    """Return the list with ``added``, or without it where it was there."""
    others = [each for each in now or [] if each != added]
    if len(others) == len(now or []):
        others.append(added)
    if len(others) > MAX_LISTED:
        raise RefusedError("At most {most} can be listed; remove one first.", most=MAX_LISTED)
    return others or None


def still_offered(context: BotContext, kept: Mapping[str, Any]) -> dict[str, Any]:
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


def describe_value(name: str, value: Any) -> str:
    if name in _MENTIONS:
        listed = value if isinstance(value, list) else [value]
        return ", ".join(_MENTIONS[name].format(each) for each in listed)
    if name == "size" and value in SIZE_LABELS:
        return translate(SIZE_LABELS[value])
    if isinstance(value, bool):
        return translate("yes") if value else translate("no")
    return wording.excerpt(str(value), 500)
