"""The buttons that cancel a job and that send its original file, which work after a restart.

Whoever forges one gets no further than the job service, which checks who may do what.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any, Self

import discord
from discord.ui import Button, DynamicItem, Item, View

from bot.core.errors import RefusedError
from bot.core.translations import in_language, translate
from bot.gateway.context import context_of, managed_guild, may_act_on
from bot.storage import jobs as rows
from bot.ui import embeds, wording
from bot.ui.answers import answer_errors
from bot.ui.stored_files import result_file
from generator.contract.text import Text

_GONE = Text("The original is no longer stored; the same seed and settings make it again.")


class CancelButton(DynamicItem[Button[View]], template=r"cancel:(?P<job>[0-9a-f]{32})"):
    """A button that cancels the job of the progress message that it stands under."""

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id
        super().__init__(
            Button(
                label=translate("Cancel"),
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
        async with answer_errors(interaction):
            job = await context_of(interaction).jobs.cancel(
                self._job_id,
                by=interaction.user.id,
                manages_guild=managed_guild(interaction),
            )
            with in_language(job.origin.locale):  # it stays its owner's message, whoever pressed
                embed = embeds.ended_job(job)
            # this press opens the message even where the command's own token has expired
            await interaction.response.edit_message(embed=embed, view=None, attachments=[])


class OriginalButton(DynamicItem[Button[View]], template=r"master:(?P<job>[0-9a-f]{32})"):
    """A button that sends the file as it was made, where a smaller one was posted.

    Its id says ``master`` as it always has: old messages still hold such buttons.
    """

    def __init__(self, job_id: str) -> None:
        self._job_id = job_id
        super().__init__(
            Button(
                label=translate("Original"),
                style=discord.ButtonStyle.secondary,
                custom_id=f"master:{job_id}",
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: Item[Any], match: re.Match[str], /
    ) -> Self:
        del interaction, item
        return cls(match["job"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        async with answer_errors(interaction):
            context = context_of(interaction)
            job = await context.database.read(rows.get, self._job_id)
            if job is None:
                raise RefusedError(_GONE)
            if not may_act_on(interaction, job):
                raise RefusedError("That GIF is somebody else's; make one of your own with /gif.")
            size, limit = job.size_bytes or 0, interaction.filesize_limit
            if job.output and size > limit:
                raise RefusedError(
                    "The original is {size}, and Discord allows at most {limit} here; whoever "
                    "runs the bot can find it as {file}.",
                    size=wording.file_size(size),
                    limit=wording.file_size(limit),
                    file=job.output,
                )
            stem = f"original-{job.id[:12]}-{job.request.seed}"
            alt = wording.alt_text(job.request, PurePath(job.output or "").suffix)
            await interaction.response.defer(ephemeral=True, thinking=True)  # a rule may take long
            file = await result_file(context, job, interaction.guild_id, stem, alt, most=limit)
            if file is None:
                raise RefusedError(_GONE)
            await interaction.followup.send(file=file, ephemeral=True)


def cancel_view(job_id: str) -> View:
    """Return the button under a progress message."""
    view = View(timeout=None)
    view.add_item(CancelButton(job_id))
    return view
