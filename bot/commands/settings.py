"""/settings: what /gif takes for granted, one's own and the server's, and the server's rules.

What follows from them is ``bot.commands.rules``'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord
from discord import AppCommandOptionType, app_commands

from bot.commands.lora_choice import LoraOption, usable_lora, viewer_of
from bot.commands.options import Bounded, Option, choice_of, command, localized
from bot.commands.reading import (
    FORMATS,
    read_format,
    read_image_strength,
    read_size,
    read_style,
    whole,
)
from bot.config_library import Style
from bot.errors import RefusedError
from bot.house import House, house_of, managed_guild
from bot.intake.names import plain_line
from bot.storage import loras
from bot.storage import preferences as rows
from bot.storage.loras import Shared
from bot.ui import text
from bot.ui.answers import whisper
from bot.words import say
from generator.limits import MAX_PROMPT_CHARACTERS, MAX_STEPS, ModelLimits
from generator.words import Words

NONE = "-"
_KIND = AppCommandOptionType
_MOST = 20  # channels or roles of one server
_MOST_WAITING = 1000
_MARKS = {"channels": "<#{}>", "roles": "<@&{}>"}
_SWITCHES = ("private", "ping", "recipe")
_AT_MOST = ("waiting", "frames", "steps")
_NAMES = {
    "size": Words("size"),
    "style": Words("style"),
    "negative_prompt": Words("negative prompt"),
    "format": Words("format"),
    "private": Words("private"),
    "ping": Words("ping when done"),
    "recipe": Words("prompt in files"),
    "image_strength": Words("image strength"),
    "channels": Words("channels"),
    "roles": Words("roles"),
    "waiting": Words("waiting at once"),
    "frames": Words("most frames"),
    "steps": Words("most steps"),
    "lora": Words("LoRA"),
}


def build(limits: ModelLimits, styles: Mapping[str, Style]) -> app_commands.Group:
    """The group with both commands."""
    group = app_commands.Group(
        name="settings", description=localized(Words("Your defaults for /gif."))
    )
    own: dict[str, Option] = {
        "size": Option(
            choice_of([*(size.name for size in limits.sizes), NONE], text.SIZES),
            Words("The shape."),
        ),
        "negative_prompt": Option(
            Bounded(_KIND.string, 1, MAX_PROMPT_CHARACTERS),
            Words("What none of your GIFs should show ({none}: nothing).", none=NONE),
        ),
        "format": Option(choice_of([*FORMATS, NONE]), Words("The file type.")),
        "private": Option(Bounded(_KIND.boolean), Words("Whether only you see your GIFs.")),
        "ping": Option(
            Bounded(_KIND.boolean), Words("Whether to mention you when your GIF is done.")
        ),
        "recipe": Option(
            Bounded(_KIND.boolean),
            Words("Whether files carry the prompt and settings that made them."),
        ),
        "image_strength": Option(
            Bounded(_KIND.number, 0, 1),
            Words(
                "How far GIFs may stray from pictures (0: the usual {strength:g}).",
                strength=limits.image_strength,
            ),
        ),
    }
    server: dict[str, Option] = {
        "channel": Option(
            Bounded(_KIND.channel), Words("Allow the bot in this channel, or stop allowing it.")
        ),
        "role": Option(
            Bounded(_KIND.role), Words("Allow members with this role, or stop allowing them.")
        ),
        "waiting": Option(
            Bounded(_KIND.integer, 0, _MOST_WAITING),
            Words("How many GIFs one person may have waiting here (0: the bot's own limit)."),
        ),
        "frames": Option(
            Bounded(_KIND.integer, 0, limits.max_frames),
            Words("The most frames a GIF may have here (0: as many as the model can make)."),
        ),
        "steps": Option(
            Bounded(_KIND.integer, 0, MAX_STEPS),
            Words("The most steps a GIF may take here (0: no limit)."),
        ),
        "lora": Option(
            LoraOption(),
            Words("The LoRA for everyone who chooses none ({none}: no LoRA).", none=NONE),
        ),
    }
    if styles:
        style = Option(choice_of([*list(styles)[:24], NONE]), Words("The look."))
        own["style"] = server["style"] = style
    group.add_command(command("mine", Words("Show or set your own defaults."), mine, own))
    group.add_command(command("server", Words("Show or set this server's rules."), server_, server))
    return group


async def mine(interaction: discord.Interaction[Any], **given: Any) -> None:
    """Sets what was given, shows what stands there."""
    house = house_of(interaction)
    changes = {
        name: _checked(house, name, value) for name, value in given.items() if value is not None
    }
    now = await house.preferences.change(rows.PERSON, interaction.user.id, changes)
    await whisper(interaction, _shown(say("Your defaults for /gif"), now))


async def server_(
    interaction: discord.Interaction[Any],
    *,
    channel: Any = None,
    role: Any = None,
    lora: Any = None,
    **given: Any,
) -> None:
    """The same for the server, by who manages it."""
    house, guild_id = house_of(interaction), managed_guild(interaction)
    if guild_id is None:
        raise RefusedError("Only people who can manage this server can see and set its rules.")
    now = await house.preferences.get(rows.SERVER, guild_id)
    changes: dict[str, Any] = {}
    if channel is not None:
        changes["channels"] = _toggled(now.get("channels"), channel.id)
    if role is not None:
        changes["roles"] = _toggled(now.get("roles"), role.id)
    if lora is not None:
        changes["lora"] = await _shared_lora(interaction, lora)
    changes |= {
        name: _checked(house, name, value) for name, value in given.items() if value is not None
    }
    now = await house.preferences.change(rows.SERVER, guild_id, changes)
    if "lora" in now:
        found = await house.database.read(loras.usable, viewer_of(interaction), now["lora"])
        now["lora"] = found.name if found else say("(not shared here any more)")
    await whisper(interaction, _shown(say("This server's rules"), now))


async def _shared_lora(interaction: discord.Interaction[Any], value: object) -> str | None:
    """The id of one that everybody here may use; None for the word that forgets it."""
    if value == NONE:
        return None
    found = await usable_lora(interaction, value)
    if found.shared is Shared.ME:
        raise RefusedError("Others can't use that one; share it with this server first.")
    return found.id


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
    elif name in _SWITCHES:
        return bool(value)
    elif name == "image_strength":
        return read_image_strength(value) if value else None
    elif name in _AT_MOST:
        return max(0, whole(_NAMES[name], value, 0)) or None
    return plain_line(str(value), MAX_PROMPT_CHARACTERS) or None


def _toggled(now: list[int] | None, added: int) -> list[int] | None:
    """With it, or without it where it was there."""
    others = [each for each in now or [] if each != added]
    if len(others) == len(now or []):
        others.append(added)
    if len(others) > _MOST:
        raise RefusedError("At most {most} can be listed; remove one first.", most=_MOST)
    return others or None


def _shown(title: str, values: Mapping[str, Any]) -> str:
    lines = [
        f"{say(_NAMES[name]) if name in _NAMES else name}: {_value(name, value)}"
        for name, value in values.items()
    ]
    return f"**{title}**\n" + (
        "\n".join(lines) or say("Nothing is set yet; add an option to set one.")
    )


def _value(name: str, value: Any) -> str:
    if name in _MARKS:
        return ", ".join(_MARKS[name].format(each) for each in value)
    if name == "size" and value in text.SIZES:
        return say(text.SIZES[value])
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    return text.prompt(str(value), 500)
