"""Gateway events before discord.py reads them: completed (``bot.gateway.payloads``), and guarded.

A single event that discord.py can't read would end the connection. It has no public place to look
at events first, so its table of parsers is wrapped. A flood ends here as well: an interaction that
isn't admitted is never made into an object.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from bot.gateway.interaction_schema import check_interaction
from bot.gateway.outgoing import cleaned
from bot.gateway.payloads import Event, completed

logger = logging.getLogger(__name__)

Parser = Callable[[Any], None]
Admits = Callable[[Event], bool]

_INTERACTION = "INTERACTION_CREATE"
_VITAL = ("READY",)  # without it there is no connection to keep
_MALFORMED = (LookupError, TypeError, ValueError, AttributeError, RecursionError)


def watch(parsers: dict[str, Parser], admits: Admits) -> None:
    """Wraps every parser of a connection's table."""
    parsers[_INTERACTION] = partial(_interaction, parsers[_INTERACTION], admits)
    for name, parse in parsers.items():
        parsers[name] = partial(_read, name, parse)


def asker_of(interaction: Event) -> int:
    """Who sent it."""
    return int((interaction.get("member") or interaction)["user"]["id"])


def _interaction(parse: Parser, admits: Admits, event: Event) -> None:
    event = cleaned(event)
    check_interaction(event)
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
