"""/history: one's own GIFs, newest first, page by page."""

from __future__ import annotations

import re
from typing import Any, Self

import discord
from discord import app_commands
from discord.ui import Button, DynamicItem, Item, View

from bot.house import house_of
from bot.storage import jobs as rows
from bot.ui import embeds
from bot.ui.answers import refuse

PAGE_SIZE = 5


class PageButton(DynamicItem[Button[View]], template=r"history:(?P<page>\d{1,6})"):
    """Turns to a page of the presser's own history."""

    def __init__(self, page: int, *, label: str = "…", disabled: bool = False) -> None:
        self._page = page
        super().__init__(Button(label=label, custom_id=f"history:{page}", disabled=disabled))

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Item[Any], match: re.Match[str], /
    ) -> Self:
        del interaction, item
        return cls(int(match["page"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        async with refuse(interaction):
            await show_page(interaction, self._page)


def build() -> app_commands.Command[Any, ..., None]:
    """The command."""

    async def history(interaction: discord.Interaction[Any]) -> None:
        await show_page(interaction, 0)

    return app_commands.Command(
        name="history", description="Show the GIFs you asked for.", callback=history
    )


async def show_page(interaction: discord.Interaction[Any], page: int) -> None:
    """A page of the asker's own jobs: a new ephemeral message, or the pressed one turned over."""
    database, user_id = house_of(interaction).database, interaction.user.id
    total = await database.read(rows.count_of_user, user_id)
    pages = max(1, -(-total // PAGE_SIZE))
    page = min(page, pages - 1)
    offset = page * PAGE_SIZE
    jobs = await database.read(rows.of_user, user_id, limit=PAGE_SIZE, offset=offset)
    embed = embeds.history(jobs, page=page, pages=pages, total=total)
    view = _view(page, pages)
    if interaction.type is discord.InteractionType.component:
        await interaction.response.edit_message(embed=embed, view=view)
    else:
        await interaction.response.send_message(embed=embed, view=view, ephemeral=True)


def _view(page: int, pages: int) -> View:
    """Stands under a page of the history; two buttons never share a page, nor a custom_id."""
    view = View(timeout=None)
    if page > 0:
        view.add_item(PageButton(page - 1, label="◀ Newer"))
    if page + 1 < pages:
        view.add_item(PageButton(page + 1, label="Older ▶"))
    return view
