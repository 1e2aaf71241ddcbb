"""The link by which somebody adds the bot to a server, with the rights that it needs there."""

from __future__ import annotations

import discord

NEEDED = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
)
"""What every command needs."""
WITH_EXPRESSIONS = NEEDED | discord.Permissions(create_expressions=True)
"""What *Add as emoji* and *Add as sticker* need too."""


def invitation_url(
    application_id: int,
    permissions: discord.Permissions = NEEDED,
    *,
    guild_id: int | None = None,
) -> str:
    """Return the invitation; to one server where ``guild_id`` says so, else to any."""
    return discord.utils.oauth_url(
        application_id,
        permissions=permissions,
        guild=discord.utils.MISSING if guild_id is None else discord.Object(guild_id),
        scopes=("bot", "applications.commands"),
    )
