"""/queue and /cancel: what is waiting or being made, and cancelling it."""

from __future__ import annotations

from typing import Any

import discord

from bot.commands.options import AnyCommand, CompletedOption, Option, command
from bot.core.errors import RefusedError
from bot.core.translations import translate
from bot.gateway.context import context_of, managed_guild
from bot.ui import embeds, wording
from bot.ui.actions import Values
from bot.ui.answers import send_ephemeral
from bot.ui.group_layout import CANCEL_GROUP
from generator.contract.text import Text

_SHOWN = 15


def build_queue() -> AnyCommand:
    """Return /queue."""
    words = Text("Show which GIFs are being made and which are waiting.")
    return command("queue", words, queue, {})


async def queue(interaction: discord.Interaction[Any]) -> None:
    """Show the first jobs in the order in which they are made."""
    jobs = context_of(interaction).jobs
    embed = embeds.queue(
        jobs.waiting_or_running(limit=_SHOWN),
        total=jobs.unfinished,
        user_id=interaction.user.id,
        guild_id=interaction.guild_id,
    )
    await interaction.response.send_message(embed=embed, ephemeral=True)


def build_cancel() -> AnyCommand:
    """Return /cancel."""
    which = Option(CompletedOption(suggest_unfinished), Text("Which one (default: the latest)."))
    return command(
        "cancel", Text("Cancel a GIF that is waiting or being made."), cancel, {"job": which}
    )


async def cancel(interaction: discord.Interaction[Any], *, job: Any = None) -> None:
    """Cancel a job that this person may cancel, by default the latest of their own."""
    cancelled = await context_of(interaction).jobs.cancel(
        str(job or _latest(interaction)),
        by=interaction.user.id,
        manages_guild=managed_guild(interaction),
    )
    prompt = wording.excerpt(cancelled.request.prompt, 200)
    await send_ephemeral(interaction, translate("🚫 Cancelled: {prompt}", prompt=prompt))


async def cancel_group(
    interaction: discord.Interaction[Any], group_id: str, values: Values
) -> None:
    """Cancel all variations of one message that can still be cancelled; the message says it."""
    del values
    jobs, refusal = context_of(interaction).jobs, None
    found = jobs.unfinished_in(group_id)
    for job in list(found):
        try:
            await jobs.cancel(
                job.id, by=interaction.user.id, manages_guild=managed_guild(interaction)
            )
        except RefusedError as error:
            refusal = error
            found.remove(job)
    if found:
        await interaction.response.defer()
        return
    raise refusal or RefusedError(
        "That GIF is no longer waiting or running; /history shows what became of it."
    )


async def suggest_unfinished(
    interaction: discord.Interaction[Any], typed: str, limit: int
) -> list[tuple[str, str]]:
    """Return this person's own unfinished jobs whose labels hold what is typed."""
    statuses = context_of(interaction).jobs.waiting_or_running(interaction.user.id)
    labels = [(wording.choice_label(status.job), status.job.id) for status in statuses]
    return [each for each in labels if typed.casefold() in each[0].casefold()][:limit]


def _latest(interaction: discord.Interaction[Any]) -> str:
    """Return the id of this person's latest unfinished job. Raises RefusedError."""
    statuses = context_of(interaction).jobs.waiting_or_running(interaction.user.id)
    if not statuses:
        raise RefusedError("You have no GIF waiting or running; /history shows your earlier ones.")
    return max(statuses, key=lambda status: status.job.number).job.id


ACTIONS = {CANCEL_GROUP: cancel_group}
