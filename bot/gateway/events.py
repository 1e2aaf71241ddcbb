"""Gateway events before discord.py reads them: completed (``bot.gateway.payloads``), and guarded.

A single event that discord.py can't read would end the connection, so every parser of its table is
wrapped. A flood ends here as well: an interaction that isn't admitted is never made into an object.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import discord

from bot.gateway.discord_compat import EventParser, event_parsers
from bot.gateway.discord_errors import UnreadableAnswerError, readable_answers
from bot.gateway.interaction_schema import check_interaction
from bot.gateway.outgoing import cleaned
from bot.gateway.payloads import Event, completed

logger = logging.getLogger(__name__)

AdmitsInteraction = Callable[[Event], bool]

_INTERACTION = "INTERACTION_CREATE"
_VITAL = ("READY",)  # without it there is no connection to keep


def watch(client: discord.Client, admits: AdmitsInteraction) -> None:
    """Wrap every parser of the client's table; ``admits`` says which interactions are parsed."""
    parsers = event_parsers(client)
    parsers[_INTERACTION] = partial(_parse_interaction, parsers[_INTERACTION], admits)
    for name, parse in parsers.items():
        parsers[name] = partial(_parse_guarded, name, parse)


def user_id_of(interaction: Event) -> int:
    """Who sent it."""
    return int((interaction.get("member") or interaction)["user"]["id"])


def _parse_interaction(parse: EventParser, admits: AdmitsInteraction, event: Event) -> None:
    event = cleaned(event)
    check_interaction(event)
    whole = completed(event)
    if admits(whole):
        parse(whole)


def _parse_guarded(name: str, parse: EventParser, event: Any) -> None:
    """Parse an event; one that can't be read is passed over, and the others still count."""
    try:
        with readable_answers():
            parse(event)
    except UnreadableAnswerError as error:
        if name in _VITAL:
            raise
        logger.warning("%s can't be read, so it is passed over: %s", name, error)
