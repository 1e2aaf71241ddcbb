"""What was withheld, shown to a moderator where its owner asks for it, and what they decide."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import discord

from bot.commands.result_actions import job_of
from bot.commands.submit import defer
from bot.core.errors import GoneError, RefusedError
from bot.core.translations import translate
from bot.delivery.appeal_posts import post_appeal
from bot.gateway.context import context_of, guild_to_moderate, is_bot_owner
from bot.storage import appeals as rows
from bot.storage import jobs as jobs_rows
from bot.storage.appeals import ALLOWED, KEPT, Appeal
from bot.storage.models import Job
from bot.storage.moderation import AuditEntry
from bot.ui.actions import Action, Values
from bot.ui.answers import send_ephemeral
from bot.ui.appeal_message import ALLOW, ASK, KEEP
from generator.contract.text import Text

_NOT_STORED = Text("Its file isn't stored any more, so there is nothing to decide on.")

_Interaction = discord.Interaction[Any]


async def ask(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Show a withheld result to whoever may allow it; only its owner can ask for that."""
    del values
    job, context = await job_of(interaction, job_id), context_of(interaction)
    if job.user_id != interaction.user.id:
        raise RefusedError("Only the person who asked for the GIF can do that.")
    asked = await context.database.read(rows.of_job, job.id)
    if asked is not None and (asked.decision or asked.message_id is not None):
        raise RefusedError(_how_it_stands(asked))
    if job.withheld is None:
        raise GoneError(_NOT_STORED)
    if asked is None:
        await context.daily_reports.record(interaction.user.id, 1)
    await defer(interaction, private=True)  # the file may have to be made smaller first
    appeal = Appeal(job_id=job.id, guild_id=job.origin.guild_id, created_at=datetime.now(UTC))
    asked = await context.database.write(rows.put, appeal)
    locale = str(interaction.guild_locale or "")
    posted = await post_appeal(context, interaction.client, job, locale=locale)
    if posted is None:
        raise RefusedError(
            "Nobody who could decide that can be reached right now; try again later."
        )
    guild_id, message = posted
    await context.database.write(
        rows.note_message, job.id, guild_id, message.channel_id, message.message_id
    )
    await send_ephemeral(
        interaction,
        translate("🙋 A moderator has been asked. If it is allowed, you'll get it as usual."),
    )


def _how_it_stands(asked: Appeal) -> Text:
    if asked.decision == ALLOWED:
        return Text("It was allowed, and is posted or on its way.")
    if asked.decision == KEPT:
        return Text("Somebody has looked at it, and it stays withheld.")
    return Text("You have already asked, but nobody has decided yet.")


# -- what moderators decide ------------------------------------------------------------------------


async def allow(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Have a withheld result posted, as if nothing had been seen in it."""
    del values
    context = context_of(interaction)
    job = await _open_case(interaction, job_id)
    if not await asyncio.to_thread(context.blobs.path(job.withheld or "").exists):
        raise GoneError(_NOT_STORED)
    await _decide(interaction, job, ALLOWED)
    context.jobs.release(job, allowed_by=interaction.user.id)
    await _close(interaction, translate("Allowed by <@{user}>.", user=interaction.user.id))


async def keep(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Leave a result withheld; its file goes."""
    del values
    job = await _open_case(interaction, job_id)
    await _decide(interaction, job, KEPT)
    await context_of(interaction).drop_unreferenced([job.withheld])
    await _close(interaction, translate("Left withheld by <@{user}>.", user=interaction.user.id))


async def _open_case(interaction: _Interaction, job_id: str) -> Job:
    """Return the job of an appeal that this person may decide on now. Raises RefusedError."""
    database = context_of(interaction).database
    asked = await database.read(rows.of_job, job_id)
    if not is_bot_owner(interaction):
        guild_id = guild_to_moderate(interaction)
        if asked is None or asked.guild_id != guild_id:
            raise RefusedError("Only those who were asked can decide that.")
    job = await database.read(jobs_rows.get, job_id)
    if asked is None or job is None:
        raise GoneError("That GIF was deleted, so nothing more can be done with it.")
    if asked.decision:
        raise GoneError("Somebody has already decided that.")
    if job.withheld is None:
        raise GoneError(_NOT_STORED)
    return job


async def _decide(interaction: _Interaction, job: Job, decision: str) -> None:
    entry = AuditEntry(
        guild_id=job.origin.guild_id,
        actor_id=interaction.user.id,
        action=f"appeal_{decision}",
        target=f"<@{job.user_id}>",
        detail=str(job.why),
        created_at=datetime.now(UTC),
    )
    is_first = await context_of(interaction).database.write(
        rows.decide, job.id, decision, interaction.user.id, entry
    )
    if not is_first:
        raise GoneError("Somebody has already decided that.")


async def _close(interaction: _Interaction, words: str) -> None:
    await interaction.response.edit_message(content=words, view=None, attachments=[])


ACTIONS: dict[str, Action] = {ASK: ask, ALLOW: allow, KEEP: keep}
