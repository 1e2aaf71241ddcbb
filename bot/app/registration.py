"""Registers the bot's commands with Discord for who doesn't run the bot yet."""

from __future__ import annotations

import asyncio

from bot.app.client import HotshotClient
from bot.app.login import logged_in
from bot.core import translations
from bot.core.config import Settings
from bot.core.model_catalogue import ModelCatalogue

_MOST_SECONDS = 60.0


async def register_commands(settings: Settings) -> int:
    """Register the commands of a config, and return how many; needs no database.

    Raises StartupError and ModelError.
    """
    models = ModelCatalogue.of(settings)
    await asyncio.to_thread(translations.load)
    client = HotshotClient(settings.discord)
    client.add_commands(models, settings)
    async with logged_in(settings.discord, client):
        return await asyncio.wait_for(client.register_all_commands(), _MOST_SECONDS)
