"""The direct messages of whoever runs the bot."""

from __future__ import annotations

import discord


async def open_owners_messages(
    client: discord.Client, application: discord.AppInfo
) -> discord.DMChannel:
    """Return the channel to the application's owner, or its team's. Raises what discord.py does."""
    team = application.team
    owner_id = (team.owner_id if team is not None else None) or application.owner.id
    return await client.create_dm(discord.Object(owner_id))
