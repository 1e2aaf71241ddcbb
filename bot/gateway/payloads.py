"""Fills in what interactions lack that discord.py and this bot need. Pure.

A Discord of another version, or a stand-in, may send less than discord.py takes for granted.
"""

from __future__ import annotations

from typing import Any

import discord

Event = dict[str, Any]

_COMPONENT = discord.InteractionType.component.value
_TEXT_CHANNEL, _DIRECT, _GROUP = 0, 1, 3
_PRIVATE = 2  # the context of group messages, and of people among themselves
_ROW = 1
_EPHEMERAL = 64
_ROLES = "roles_of_asker"  # Discord has no such field
_MESSAGE: Event = {
    "type": 0,
    "content": "",
    "attachments": [],
    "embeds": [],
    "mentions": [],
    "mention_roles": [],
    "mention_everyone": False,
    "pinned": False,
    "tts": False,
    "edited_timestamp": None,
}
_USER: Event = {"discriminator": "0", "avatar": None}


def complete_interaction(interaction: Event) -> Event:
    """Return an INTERACTION_CREATE with all that is needed, as far as it follows from the rest."""
    least = {"version": 1, "attachment_size_limit": discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES}
    whole = {**least, **interaction, "channel": _complete_channel(interaction)}
    given = interaction.get("data") or {}
    data = {name: value for name, value in given.items() if value is not None}
    data[_ROLES] = [int(role) for role in (interaction.get("member") or {}).get("roles") or ()]
    if "resolved" in data:
        data["resolved"] = _complete_resolved(data["resolved"], interaction)
    whole["data"] = data
    if interaction["type"] == _COMPONENT:
        whole["message"] = _component_message(interaction, data)
    return whole


def roles_of(interaction: discord.Interaction[Any]) -> set[int]:
    """Return the ids of the roles that this person has on the server, as the event said.

    discord.py drops those of a server that the bot is no member of.
    """
    data: Any = interaction.data
    return set(data[_ROLES])


def _complete_channel(interaction: Event) -> Event:
    channel = dict(interaction.get("channel") or {})
    channel.setdefault("id", interaction.get("channel_id") or "0")
    if "type" not in channel:
        alone = _GROUP if interaction.get("context") == _PRIVATE else _DIRECT
        channel["type"] = _TEXT_CHANNEL if interaction.get("guild_id") else alone
    private = channel["type"] in (_DIRECT, _GROUP)
    return ({"recipients": []} if private else {"name": "", "position": 0}) | channel


def _component_message(interaction: Event, data: Event) -> Event:
    """Return the message that a pressed component stands in, holding that component alone.

    What a press does stands in its custom_id, and discord.py must find it in the message; of
    whatever else the message is said to hold, only whether one person alone sees it is looked at.
    """
    pressed = {"type": data["component_type"], "custom_id": data["custom_id"], "options": []}
    row = {"type": _ROW, "components": [{"style": 2, "label": "…", **pressed}]}
    message = interaction.get("message") or {}
    flags = message.get("flags")
    seen = {"components": [row], "flags": flags & _EPHEMERAL if isinstance(flags, int) else 0}
    return _complete_message({"id": message.get("id", "0")}, interaction) | seen


def _complete_message(message: Event, interaction: Event) -> Event:
    author = {"id": str(interaction["application_id"]), "username": ""}
    least = _MESSAGE | {"id": "0", "author": author}
    whole = {**least, **message}
    whole["author"] = {**_USER, **whole["author"]}
    whole["attachments"] = [_complete_attachment(each) for each in whole["attachments"]]
    return whole


def _complete_resolved(resolved: Event, interaction: Event) -> Event:
    """Return the completed objects that options and menus refer to."""
    whole = dict(resolved)
    for kind, complete in (
        ("attachments", _complete_attachment),
        ("messages", lambda message: _complete_message(message, interaction)),
    ):
        if kind in whole:
            whole[kind] = {key: complete(each) for key, each in whole[kind].items()}
    return whole


def _complete_attachment(attachment: Event) -> Event:
    least = {"filename": "file", "size": 0, "proxy_url": attachment.get("url", "")}
    return {**least, **attachment}
