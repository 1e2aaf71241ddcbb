"""What discord.py raises where something sent to Discord did not get through, or seems not to."""

from __future__ import annotations

import aiohttp
import discord

LOST = (discord.HTTPException, discord.RateLimited, aiohttp.ClientError, OSError)
UNREADABLE = (LookupError, TypeError, ValueError)
"""What discord.py makes of an answer that isn't as it expects, such as a proxy's page."""
