"""Gateway events before discord.py reads them: completed where something is left out, and guarded.

discord.py takes fields for granted that a Discord of another version, or a stand-in, may leave out,
and a single one that is missing would end the connection. It has no public place to look at events
first, so its table of parsers is wrapped. A flood ends here as well: an interaction that isn't
admitted is never made into an object.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import discord

logger = logging.getLogger(__name__)

Event = dict[str, Any]
Parser = Callable[[Any], None]
Admits = Callable[[Event], bool]

_INTERACTION = "INTERACTION_CREATE"
_VITAL = ("READY",)  # without it there is no connection to keep
_TEXT_CHANNEL, _DIRECT, _GROUP = 0, 1, 3
_PRIVATE = 2  # the context of group messages, and of people among themselves
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError)


def watch(parsers: dict[str, Parser], admits: Admits) -> None:
    """Wraps every parser of a connection's table."""
    parsers[_INTERACTION] = partial(_interaction, parsers[_INTERACTION], admits)
    for name, parse in parsers.items():
        parsers[name] = partial(_read, name, parse)


def completed(interaction: Event) -> Event:
    """With what discord.py and this bot need, where it can be told from the rest."""
    channel = dict(interaction.get("channel") or {})
    channel.setdefault("id", interaction.get("channel_id") or "0")
    if "type" not in channel:
        alone = _GROUP if interaction.get("context") == _PRIVATE else _DIRECT
        channel["type"] = _TEXT_CHANNEL if interaction.get("guild_id") else alone
    if channel["type"] in (_DIRECT, _GROUP):
        channel.setdefault("recipients", [])
    else:
        channel.setdefault("name", "")
        channel.setdefault("position", 0)
    least = {
        "version": 1,
        "attachment_size_limit": discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES,
    }
    return {**least, **interaction, "channel": channel}


def asker_of(interaction: Event) -> int:
    """Who sent it."""
    return int((interaction.get("member") or interaction)["user"]["id"])


def _interaction(parse: Parser, admits: Admits, event: Event) -> None:
    whole = completed(event)
    if admits(whole):
        parse(whole)


def _read(name: str, parse: Parser, event: Any) -> None:
    """One that can't be read is passed over; the others still count."""
    try:
        parse(event)
    except _MALFORMED as error:
        if name in _VITAL:
            raise
        logger.warning("%s can't be read, so it is passed over: %r", name, error)
