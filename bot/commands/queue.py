"""/queue and /cancel: who waits, and taking one's own back."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands

from bot.commands.option_names import NAMES
from bot.commands.options import localized
from bot.core.errors import RefusedError
from bot.core.translations import translate
from bot.gateway.context import context_of, managed_guild
from bot.ui import embeds, text
from bot.ui.answers import send_ephemeral
from generator.contract.text import Text

_SHOWN = 15
_MOST_CHOICES = 25  # Discord's


def build_queue() -> app_commands.Command[Any, ..., None]:
    """/queue."""

    async def queue(interaction: discord.Interaction[Any]) -> None:
        jobs = context_of(interaction).jobs
        shown = jobs.waiting_or_running(limit=_SHOWN)
        embed = embeds.queue(
            shown,
            total=jobs.unfinished,
            user_id=interaction.user.id,
            guild_id=interaction.guild_id,
        )
        await interaction.response.send_message(embed=embed, ephemeral=True)

    return app_commands.Command(
        name="queue",
        description=localized(Text("Show which GIFs are being made and which are waiting.")),
        callback=queue,
    )


def build_cancel() -> app_commands.Command[Any, ..., None]:
    """/cancel."""

    async def cancel(interaction: discord.Interaction[Any], job: str | None = None) -> None:
        jobs = context_of(interaction).jobs
        job_id = job or _latest(interaction)
        cancelled = await jobs.cancel(
            job_id,
            by=interaction.user.id,
            manages_guild=managed_guild(interaction),
        )
        prompt = text.excerpt(cancelled.request.prompt, 200)
        await send_ephemeral(interaction, translate("🚫 Cancelled: {prompt}", prompt=prompt))

    command: app_commands.Command[Any, ..., None] = app_commands.Command(
        name="cancel",
        description=localized(Text("Cancel a GIF that is waiting or being made.")),
        callback=cancel,
    )
    command.autocomplete("job")(_own_jobs)
    name = app_commands.locale_str("job", words=NAMES["job"])
    app_commands.rename(job=name)(command)
    return app_commands.describe(job=localized(Text("Which one (default: the latest).")))(command)


def _latest(interaction: discord.Interaction[Any]) -> str:
    statuses = context_of(interaction).jobs.waiting_or_running(interaction.user.id)
    if not statuses:
        raise RefusedError("You have no GIF waiting or running; /history shows your earlier ones.")
    return max(statuses, key=lambda status: status.job.number).job.id


async def _own_jobs(
    interaction: discord.Interaction[Any], typed: str
) -> list[app_commands.Choice[str]]:
    statuses = context_of(interaction).jobs.waiting_or_running(interaction.user.id)
    labels = [(text.choice_label(status.job), status.job.id) for status in statuses]
    fitting = [(name, value) for name, value in labels if typed.casefold() in name.casefold()]
    return [app_commands.Choice(name=name, value=value) for name, value in fitting[:_MOST_CHOICES]]
