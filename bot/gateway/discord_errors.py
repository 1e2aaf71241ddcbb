"""The errors between this bot and Discord, by name.

discord.py has no error of its own for an answer or event that it can't read: it fails with whatever
Python raises there. ``readable_answers`` stands around its calls and around the reading of events,
and nowhere else, so that a mistake of this bot's is not taken for one of Discord's.

    aiohttp.ClientConnectionError
    └── SessionClosedError      the connection was closed while something was to be sent
    discord.DiscordException
    └── UnreadableAnswerError   an answer, such as a proxy's page, or an event makes no sense
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import discord


class SessionClosedError(aiohttp.ClientConnectionError):
    """Something was to be sent by an HTTP session that was closed meanwhile."""


class UnreadableAnswerError(discord.DiscordException):
    """discord.py can't read what Discord, or something on the way, has sent."""


TRANSPORT_ERRORS = (
    discord.HTTPException,
    discord.RateLimited,
    aiohttp.ClientError,
    ConnectionError,
    TimeoutError,
)
"""What was sent to Discord did not get through, or seems not to."""
UNREACHABLE_ERRORS = (
    discord.DiscordServerError,
    discord.GatewayNotFound,
    aiohttp.ClientConnectionError,
    ConnectionError,
    TimeoutError,
)
"""Discord can't be reached, which passes."""
SEND_ERRORS = (*TRANSPORT_ERRORS, UnreadableAnswerError)
"""What was sent to Discord did not get through, or its answer can't be read."""

_RAISED_BY_READERS = (LookupError, TypeError, ValueError, AttributeError, RecursionError)


@contextmanager
def readable_answers() -> Iterator[None]:
    """Raise UnreadableAnswerError where discord.py fails to read what it is given inside."""
    try:
        yield
    except TRANSPORT_ERRORS:  # some are ValueErrors as well
        raise
    except _RAISED_BY_READERS as error:
        raise UnreadableAnswerError(f"{type(error).__name__}: {error}") from error


def is_lost(error: BaseException) -> bool:
    """Return whether an error is Discord's, or the way's to it, and no mistake in the bot."""
    return isinstance(error, discord.HTTPException | aiohttp.ClientError | UnreadableAnswerError)
