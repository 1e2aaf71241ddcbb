"""/help: what the bot can do, with the limits of the model in use, and what each option does."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
from discord import SelectOption
from discord.ui import View

from bot.commands.options import AnyCommand, command
from bot.core.errors import RefusedError
from bot.core.translations import translate
from bot.gateway.context import context_of
from bot.ui import embeds
from bot.ui.actions import ActionMenu, Values
from bot.ui.guide import BY_NAME, PAGES, Page
from generator.contract.text import Text


def build() -> AnyCommand:
    """Return /help."""
    return command("help", Text("Show how to make GIFs with this bot."), help_, {})


async def help_(interaction: discord.Interaction[Any]) -> None:
    """Show what the bot can do, with a menu of the options' pages."""
    embed = embeds.help_(context_of(interaction).models)
    await interaction.response.send_message(embed=embed, view=_view(), ephemeral=True)


async def turn_to(interaction: discord.Interaction[Any], target: str, values: Values) -> None:
    """Show the page of one option in the same message."""
    del target
    page = BY_NAME.get(values.get("choice", ""))
    if page is None:
        raise RefusedError("That isn't one of the choices; choose one from the list.")
    picture = await asyncio.to_thread(_picture, page)
    embed = embeds.help_page(page, picture.filename if picture else None)
    await interaction.response.edit_message(
        embed=embed, attachments=[picture] if picture else [], view=_view(page.name)
    )


def _picture(page: Page) -> discord.File | None:
    if not page.picture.exists():
        return None
    return discord.File(page.picture, description=translate(page.words))


def _view(chosen: str = "") -> View:
    options = [
        SelectOption(label=page.name, value=page.name, default=page.name == chosen)
        for page in PAGES
    ]
    view = View(timeout=None)
    placeholder = translate("What an option does…")
    view.add_item(ActionMenu("help_page", "0", placeholder=placeholder, options=options))
    return view


ACTIONS = {"help_page": turn_to}
