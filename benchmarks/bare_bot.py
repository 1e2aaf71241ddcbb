"""A bot of discord.py alone: it answers /gif and a press at once, and does nothing else.

What it takes to answer is the yardstick of ``benchmarks.bot``: the library, the sandbox and the
machine, at the same moment. ``python -m benchmarks.bare_bot --config FILE``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import discord
from discord import app_commands

from bot.app.login import use_discord_at
from bot.core import config
from bot.gateway.discord_compat import use_gateway

_BUTTON = "press"


class BareBot(discord.AutoShardedClient):
    """Defers the answer to a command, and answers a press with a word."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True), max_messages=None)
        self.tree = app_commands.CommandTree(self)
        self.tree.add_command(app_commands.Command(name="gif", description="-", callback=_gif))

    async def setup_hook(self) -> None:
        await self.tree.sync()

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        if interaction.type is discord.InteractionType.component:
            await interaction.response.send_message("-", ephemeral=True)


async def _gif(interaction: discord.Interaction[Any], prompt: str, steps: int) -> None:
    del steps
    await interaction.response.defer(thinking=True)
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="More", custom_id=_BUTTON))
    await interaction.edit_original_response(content=prompt, view=view)


def main() -> None:
    """Run until it is told to leave."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    settings = config.load(parser.parse_args().config).discord
    use_discord_at(settings)
    use_gateway(settings.base_url.replace("http", "ws", 1))
    BareBot().run(settings.token.get_secret_value(), log_handler=None)


if __name__ == "__main__":
    main()
