"""Completes and checks gateway events before discord.py reads them.

A single event that discord.py can't read would end the connection, so every parser of its table is
wrapped. A flood ends here as well: an interaction that isn't admitted is never made into an object.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import discord

from bot.gateway.discord_compat import EventParser, event_parsers
from bot.gateway.discord_errors import UnreadableAnswerError, readable_answers
from bot.gateway.interaction_schema import check_interaction
from bot.gateway.payloads import Event, complete_interaction

logger = logging.getLogger(__name__)

AdmitsInteraction = Callable[[Event], bool]

_INTERACTION = "INTERACTION_CREATE"
_REMEMBERED_INTERACTIONS = 10_000
_VITAL = ("READY",)  # without it there is no connection to keep


class Deduplicator:
    """Remembers the newest ids of interactions, so that what comes twice is done once."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def is_new(self, interaction_id: str) -> bool:
        """Return whether an id comes for the first time, and remember it."""
        if interaction_id in self._ids:
            return False
        self._ids[interaction_id] = None
        if len(self._ids) > _REMEMBERED_INTERACTIONS:
            self._ids.popitem(last=False)
        return True


def wrap_parsers(client: discord.Client, admits: AdmitsInteraction) -> None:
    """Wrap every parser of the client's table; ``admits`` says which interactions are parsed."""
    parsers = event_parsers(client)
    parsers[_INTERACTION] = partial(_parse_interaction, parsers[_INTERACTION], admits)
    for name, parse in parsers.items():
        parsers[name] = partial(_parse_guarded, name, parse)


def user_id_of(interaction: Event) -> int:
    """Return the id of the person that an interaction came from."""
    return int((interaction.get("member") or interaction)["user"]["id"])


def _parse_interaction(parse: EventParser, admits: AdmitsInteraction, event: Event) -> None:
    check_interaction(event)
    whole = complete_interaction(event)
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
        logger.warning("%s can't be read, so it is skipped: %s", name, error)
