"""Makes a GIF that a backup had unfinished, once, when its owner says so."""

from __future__ import annotations

from typing import Any

import discord

from bot.commands.result_actions import job_of, remake
from bot.core.errors import GoneError, RefusedError
from bot.gateway.context import context_of
from bot.storage import jobs as rows
from bot.storage.models import RESUMED
from bot.ui.actions import Values
from bot.ui.result_view import MAKE_AGAIN, may_be_resumed


async def make_again(interaction: discord.Interaction[Any], job_id: str, values: Values) -> None:
    """Submit the very same request; of many presses one counts, unless what came of it failed."""
    del values
    job = await job_of(interaction, job_id)
    context = context_of(interaction)
    if job.user_id != interaction.user.id:
        raise RefusedError("Only the person who asked for it can have it made again.")
    if not may_be_resumed(job):
        raise GoneError("That GIF wasn't interrupted, so it isn't made again.")
    if job_id in context.jobs_in_hand:
        raise RefusedError("It's already being made again; /history shows it.")
    with context.jobs_in_hand.holding(job_id):
        if await context.database.read(rows.is_resumed, job_id):
            raise RefusedError("It's already being made again; /history shows it.")
        await remake(interaction, job, job.request, RESUMED)


ACTIONS = {MAKE_AGAIN: make_again}
