"""What discord.py raises where something sent to Discord did not get through, or seems not to."""

from __future__ import annotations

import aiohttp
import discord

# a RuntimeError is what a session that was closed meanwhile is to aiohttp
TRANSPORT_ERRORS = (
    discord.HTTPException,
    discord.RateLimited,
    aiohttp.ClientError,
    OSError,
    RuntimeError,
)
PARSE_ERRORS = (LookupError, TypeError, ValueError)
"""What discord.py makes of an answer that isn't as it expects, such as a proxy's page."""


def is_lost(error: BaseException) -> bool:
    """Whether it is Discord, or the way there, and no mistake in the bot."""
    is_closed = isinstance(error, RuntimeError) and str(error) == "Session is closed"
    return is_closed or isinstance(error, discord.HTTPException | aiohttp.ClientError)
