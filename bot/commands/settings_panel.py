"""The panel of /settings: what is set, one line a group, with a form for each.

What is set are rows already, so the panel needs no draft. A form that is refused comes back filled
in; who may manage a server is asked both when a form about its rules is opened and when it is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

import discord
from discord.ui import ChannelSelect, Checkbox, Item, Label, LayoutView, RoleSelect, TextInput, View

from bot.commands.panel_fields import choices_of, fields_of, offered_specs
from bot.commands.setting_values import (
    MAX_LISTED,
    NAMES,
    describe_value,
    guild_to_manage,
    read_kept,
    shared_lora,
    shown_rules,
    still_offered,
)
from bot.core.errors import RefusedError
from bot.core.markdown import Markdown
from bot.core.translations import translate
from bot.gateway.context import BotContext, context_of
from bot.storage.preferences import PERSON, SERVER
from bot.ui.actions import YES, Action, ActionButton, Form, Values, outdated_button_error
from bot.ui.panel import Line, panel_view
from generator.contract.options.spec import Group, OptionSpec, Setting, resolve
from generator.contract.text import Text

Place = Literal["mine", "server"]

_Interaction = discord.Interaction[Any]
_TITLES = {"mine": Text("Your defaults for /gif"), "server": Text("This server's rules")}
_OWN = "own"  # the group of what is no option of a GIF
_OWN_LABELS = {"mine": Text("Answers"), "server": Text("Who may use the bot, and where")}
_OWN_SWITCHES = {
    "ping": Text("Whether to mention you when your GIF is done."),
    "recipe": Text("Whether files carry the prompt and settings that made them."),
}
_WAITING = Text("How many GIFs one person may have waiting here (0: the bot's own limit).")
_GALLERY = Text("Where people can share their GIFs, for votes.")
_WAITING_CHARACTERS = 4
_PLACES: tuple[Place, ...] = ("mine", "server")


async def show(
    interaction: _Interaction,
    place: Place,
    *,
    note: str = "",
    undo: Sequence[ActionButton] = (),
) -> None:
    """Show the panel: in place of the one that was pressed, else as a message of its own.

    Raises RefusedError where somebody doesn't manage the server.
    """
    context, shown = context_of(interaction), await _shown(interaction, place)
    lines = [
        Line(translate(label), _described(shown, names), f"set_{place}_{key}")
        for key, label, names in _groups(context, place)
    ]
    nothing = "" if shown else translate("Nothing is set yet.")
    view = panel_view("0", translate(_TITLES[place]), lines, note=note or nothing)
    if undo:
        row: discord.ui.ActionRow[LayoutView] = discord.ui.ActionRow()
        for button in undo:
            row.add_item(button.item)
        view.add_item(row)
    if _is_on_panel(interaction):
        await interaction.response.edit_message(content=None, view=view)
    else:
        await interaction.response.send_message(view=view, ephemeral=True)


async def open_group(
    place: Place, key: str, interaction: _Interaction, target: str, values: Values
) -> None:
    """Open the form of a group, filled in with what is set."""
    del values
    shown = await _shown(interaction, place)
    label, _ = _group(context_of(interaction), place, key)
    fields = _fields(interaction, place, key, shown)
    await interaction.response.send_modal(
        Form(f"set_{place}_{key}_send", target, translate(label), fields)
    )


async def send_group(
    place: Place, key: str, interaction: _Interaction, target: str, values: Values
) -> None:
    """Set what a form says; what stands as it was shown stays, what was emptied is forgotten."""
    del target
    context, shown = context_of(interaction), await _shown(interaction, place)
    _, names = _group(context, place, key)
    changes: dict[str, Any] = {}
    for name in names:
        if name in values and values[name].strip() != _word(name, shown.get(name)):
            changes[name] = await _read(interaction, name, values[name].strip())
    if place == "mine":
        await context.preferences.change(PERSON, interaction.user.id, changes)
    else:
        await context.preferences.change(SERVER, guild_to_manage(interaction), changes)
    await show(interaction, place)


async def _shown(interaction: _Interaction, place: Place) -> dict[str, Any]:
    """Return what is set and counts. Raises RefusedError where somebody may not see it."""
    context = context_of(interaction)
    if place == "mine":
        kept = await context.preferences.get(PERSON, interaction.user.id)
        return still_offered(context, kept)
    rules = await context.preferences.get(SERVER, guild_to_manage(interaction))
    return await shown_rules(interaction, rules)


def _groups(context: BotContext, place: Place) -> list[tuple[str, Text, list[str]]]:
    """Return the groups of a panel: key, label, and the names of what is set there."""
    found = [
        (str(group), group.label, [spec.name for spec, _ in specs])
        for group in Group
        if (specs := _specs(context, place, group))
    ]
    own = ["ping", "recipe"] if place == "mine" else ["channels", "roles", "waiting", "gallery"]
    return [*found, (_OWN, _OWN_LABELS[place], own)]


def _group(context: BotContext, place: Place, key: str) -> tuple[Text, list[str]]:
    """Return a group's label and names. Raises RefusedError where nothing is set there."""
    for each, label, names in _groups(context, place):
        if each == key:
            return label, names
    raise outdated_button_error()


def _specs(context: BotContext, place: Place, group: Group) -> list[tuple[OptionSpec, Setting]]:
    return [
        (spec, setting)
        for spec in offered_specs(context, group)
        if (setting := getattr(spec, place))
    ]


def _described(shown: Mapping[str, Any], names: Sequence[str]) -> str:
    words = [
        f"{translate(NAMES[name])}: {describe_value(name, shown[name])}"
        for name in names
        if name in shown
    ]
    return " · ".join(words) or translate("nothing chosen")


def _fields(
    interaction: _Interaction, place: Place, key: str, shown: Mapping[str, Any]
) -> list[Item[View]]:
    context = context_of(interaction)
    limits = context.models.widest_limits
    if key == _OWN:
        return _own_fields(interaction, place, shown)
    return [
        field
        for spec, setting in _specs(context, place, Group(key))
        for field in fields_of(
            spec,
            limits,
            _word(spec.name, shown.get(spec.name)),
            choices_of(context, spec, limits),
            about=translate(resolve(setting.description, limits)),
        )
    ]


def _own_fields(
    interaction: _Interaction, place: Place, shown: Mapping[str, Any]
) -> list[Item[View]]:
    if place == "mine":
        return [
            Label(
                text=_heading(name),
                description=translate(about),
                component=Checkbox(custom_id=name, default=_is_on(name, shown)),
            )
            for name, about in _OWN_SWITCHES.items()
        ]
    guild = interaction.guild
    channel_ids = {each.id for each in guild.channels} if guild else set()
    known = {
        "channels": channel_ids,
        "roles": {each.id for each in guild.roles} if guild else set(),
    }
    listed = {  # Discord shows none that is gone
        name: [each for each in shown.get(name) or () if each in ids] for name, ids in known.items()
    }
    listed["gallery"] = [shown["gallery"]] if shown.get("gallery") in channel_ids else []
    channels: ChannelSelect[View] = ChannelSelect(
        custom_id="channels",
        default_values=[discord.Object(each) for each in listed["channels"]],
        required=False,
        min_values=0,
        max_values=MAX_LISTED,
    )
    roles: RoleSelect[View] = RoleSelect(
        custom_id="roles",
        default_values=[discord.Object(each) for each in listed["roles"]],
        required=False,
        min_values=0,
        max_values=MAX_LISTED,
    )
    waiting: TextInput[View] = TextInput(
        custom_id="waiting",
        default=_word("waiting", shown.get("waiting")),
        required=False,
        max_length=_WAITING_CHARACTERS,
    )
    gallery: ChannelSelect[View] = ChannelSelect(
        custom_id="gallery",
        channel_types=[discord.ChannelType.text, discord.ChannelType.news],
        default_values=[discord.Object(each) for each in listed["gallery"]],
        required=False,
        min_values=0,
        max_values=1,
    )
    return [
        Label(text=_heading("channels"), component=channels),
        Label(text=_heading("roles"), component=roles),
        Label(text=_heading("waiting"), description=translate(_WAITING), component=waiting),
        Label(text=_heading("gallery"), description=translate(_GALLERY), component=gallery),
    ]


def _heading(name: str) -> str:
    words = translate(NAMES[name])
    return words[:1].upper() + words[1:]


def _is_on(name: str, shown: Mapping[str, Any]) -> bool:
    return bool(shown.get(name, name == "recipe"))  # as ``bot.commands.submit`` takes it


def _word(name: str, value: Any) -> str:
    """Return a setting as its field shows it."""
    if name in _OWN_SWITCHES:
        return YES if _is_on(name, {} if value is None else {name: value}) else ""
    if isinstance(value, bool):
        return YES if value else ""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "" if value is None else f"{value:.10g}" if isinstance(value, float) else str(value)


async def _read(interaction: _Interaction, name: str, word: str) -> Any:
    """Return what a field says, as it is kept. Raises RefusedError and RequestError."""
    if name in _OWN_SWITCHES or name == "private":
        return bool(word)
    if not word:
        return None
    if name in ("channels", "roles"):
        ids = [int(each) for each in word.split(",") if each.isascii() and each.isdigit()]
        if len(ids) > MAX_LISTED:
            raise RefusedError("At most {most} can be listed; remove one first.", most=MAX_LISTED)
        return ids or None
    if name == "gallery":
        return _gallery_channel(interaction, word)
    if name == "lora":
        return await shared_lora(interaction, word)
    return read_kept(
        context_of(interaction), name, word.replace(",", ".") if _is_number(word) else word
    )


def _gallery_channel(interaction: _Interaction, word: str) -> int:
    """Return the id of a channel that the bot may post GIFs in. Raises RefusedError."""
    guild, number = interaction.guild, int(word) if word.isascii() and word.isdigit() else 0
    channel = guild.get_channel(number) if guild else None
    if guild is None or channel is None:
        raise RefusedError("The bot can't see that channel; give it access, or choose another.")
    may = channel.permissions_for(guild.me)
    if not (may.view_channel and may.send_messages and may.attach_files):
        raise RefusedError(
            "The bot can't post files in {channel}; allow it to, or choose another channel.",
            channel=Markdown(channel.mention),
        )
    return number


def _is_number(word: str) -> bool:
    return word.replace(",", "").replace(".", "").isdecimal()


def _is_on_panel(interaction: _Interaction) -> bool:
    data: Any = interaction.data
    message = interaction.message
    pressed = str(data.get("custom_id"))
    is_own = message is not None and message.flags.ephemeral
    return is_own and (":set_" in pressed or ":rules_undo:" in pressed)


_KEYS = (*map(str, Group), _OWN)
FORMS: dict[str, tuple[str, Values]] = {
    f"set_{place}_{key}_send": (f"set_{place}_{key}", {}) for place in _PLACES for key in _KEYS
}
ACTIONS: dict[str, Action] = {
    **{f"set_{place}_{key}": partial(open_group, place, key) for place in _PLACES for key in _KEYS},
    **{
        f"set_{place}_{key}_send": partial(send_group, place, key)
        for place in _PLACES
        for key in _KEYS
    },
}
