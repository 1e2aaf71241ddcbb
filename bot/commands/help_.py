"""/help: what the bot can do, with the limits of the model in use."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from bot.house import house_of
from bot.ui import embeds


def build() -> app_commands.Command[Any, ..., None]:
    """The command."""

    async def help_(interaction: discord.Interaction[Any]) -> None:
        embed = embeds.help_(house_of(interaction).limits)
        await interaction.response.send_message(embed=embed, ephemeral=True)

    return app_commands.Command(
        name="help", description="Show how to make GIFs with this bot.", callback=help_
    )
