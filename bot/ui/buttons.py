"""Buttons that outlive a restart: everything they need to know stands in their custom_id.

Whoever forges one gets no further than the job service, which checks who may do what.
"""

from __future__ import annotations

import re
from typing import Any, Self

import discord
from discord.ui import Button, DynamicItem, Item, View

from bot.house import house_of, managed_guild
from bot.ui.answers import refuse


class CancelButton(DynamicItem[Button[View]], template=r"cancel:(?P<job>[0-9a-f]{32})"):
    """Cancels the job of the progress message that it stands under."""

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id
        super().__init__(
            Button(
                label="Cancel",
                style=discord.ButtonStyle.secondary,
                custom_id=f"cancel:{job_id}",
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Item[Any], match: re.Match[str], /
    ) -> Self:
        del interaction, item
        return cls(match["job"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        async with refuse(interaction):
            await house_of(interaction).jobs.cancel(
                self._job_id,
                by=interaction.user.id,
                manages_guild=managed_guild(interaction),
            )
            await interaction.response.defer()


def cancel_view(job_id: str) -> View:
    """Stands under a progress message."""
    view = View(timeout=None)
    view.add_item(CancelButton(job_id))
    return view
