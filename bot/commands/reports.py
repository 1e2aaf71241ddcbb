"""Reports of GIFs to a server's moderators, who keep or remove them; both also in message menus."""

from __future__ import annotations

import logging
import uuid
from datetime import UTC, datetime
from typing import Any

import discord
from discord import app_commands
from discord.ui import View

from bot.commands.offered_options import text_field
from bot.commands.options import localized
from bot.commands.result_actions import delete, erase_result, job_of
from bot.core.errors import GoneError, RefusedError
from bot.core.translations import in_language, translate
from bot.gateway.context import context_of, guild_to_moderate
from bot.gateway.discord_errors import SEND_ERRORS, readable_answers
from bot.storage import jobs as jobs_rows
from bot.storage import library
from bot.storage import moderation as rows
from bot.storage.models import Job
from bot.storage.moderation import AuditEntry, Report
from bot.storage.preferences import LOG_CHANNEL, SERVER
from bot.ui.actions import Action, Form, Values
from bot.ui.answers import send_ephemeral
from bot.ui.group_layout import variation_menu
from bot.ui.moderation_embeds import KEEP, REMOVE, report_embed, report_view
from generator.contract.text import Text

logger = logging.getLogger(__name__)

_LONGEST_REASON = 500
_KEPT, _REMOVED = "kept", "removed"

_Interaction = discord.Interaction[Any]


def build() -> list[app_commands.ContextMenu]:
    """Return both menus of a message."""
    return [
        app_commands.ContextMenu(name=localized(Text("Report")), callback=report_message),
        app_commands.ContextMenu(name=localized(Text("Remove")), callback=remove_message),
    ]


async def report_message(interaction: _Interaction, message: discord.Message) -> None:
    """Open the form for a report of a message's GIF."""
    await _act_on_one(interaction, message, "report", report)


async def remove_message(interaction: _Interaction, message: discord.Message) -> None:
    """Ask whether a message's GIF should go; only its owner and moderators may."""
    await _act_on_one(interaction, message, "delete", delete)


async def _act_on_one(
    interaction: _Interaction, message: discord.Message, name: str, action: Action
) -> None:
    """Do an action to a message's GIF; of several, ask which."""
    found = await context_of(interaction).database.read(library.posted_as, message.id)
    if not found:
        raise RefusedError("That message has no GIF that this bot made and still knows.")
    if len(found) == 1:
        await action(interaction, found[0].id, {})
        return
    view = View(timeout=None).add_item(variation_menu(name, found, translate("Which one…")))
    words = translate("There are several GIFs in that message; choose one.")
    await send_ephemeral(interaction, words, view)


async def report(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Open the form for a report; of several GIFs, for that which was chosen."""
    job = await job_of(interaction, values.get("choice", job_id))
    field = text_field("reason", translate("What is wrong with it"), "", longest=_LONGEST_REASON)
    await interaction.response.send_modal(
        Form("report_send", job.id, translate("Report a GIF"), (field,))
    )


async def report_send(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Bring a report to the server's moderators, or to the bot's owner where they have no log."""
    job, context = await job_of(interaction, job_id), context_of(interaction)
    await context.daily_reports.record(interaction.user.id, 1)
    new = Report(
        id=uuid.uuid4().hex,
        job_id=job.id,
        guild_id=job.origin.guild_id,
        reporter_id=interaction.user.id,
        reason=" ".join(values.get("reason", "").split())[:_LONGEST_REASON],
        created_at=datetime.now(UTC),
    )
    if not await context.database.write(rows.add_report, new):
        raise RefusedError("You have reported that GIF already.")
    await send_ephemeral(interaction, translate("🚩 Reported; thank you."))
    if not await _post_in_log(interaction, new, job):
        words = Text(
            "A GIF was reported, and its server has no log channel: {link} ({reason})",
            link=job.link or job.id,
            reason=new.reason,
        )
        context.jobs.alert_owner(words)


async def _post_in_log(interaction: _Interaction, new: Report, job: Job) -> bool:
    """Return whether moderators can read of it."""
    if new.guild_id is None:
        return False
    rules = await context_of(interaction).preferences.get(SERVER, new.guild_id)
    if not rules.get(LOG_CHANNEL):
        return False
    channel = interaction.client.get_partial_messageable(rules[LOG_CHANNEL])
    try:
        with in_language(str(interaction.guild_locale or "")), readable_answers():
            message = await channel.send(embed=report_embed(new, job), view=report_view(new.id))
    except SEND_ERRORS as error:
        logger.warning("a report couldn't be posted in the log channel: %s", error)
        return False
    await _note_place(interaction, new, message)
    return True


async def _note_place(interaction: _Interaction, new: Report, message: discord.Message) -> None:
    """Note where a report stands, so that it goes with what it is about."""
    database, place = context_of(interaction).database, (message.channel.id, message.id)
    if not await database.write(rows.note_report_message, new.id, *place):
        try:  # somebody's erasure was faster
            with readable_answers():
                await message.delete()
        except SEND_ERRORS as error:
            logger.warning("a report stays in the log channel: %s", error)


# -- what moderators decide ------------------------------------------------------------------------


async def keep(interaction: _Interaction, report_id: str, values: Values) -> None:
    """Close a report; the GIF stays."""
    del values
    found = await _open_report(interaction, report_id)
    job = await context_of(interaction).database.read(jobs_rows.get, found.job_id)
    target = f"<@{job.user_id}>" if job else ""
    await _decide(interaction, found, _KEPT, target)
    await _close(interaction, translate("Kept by <@{user}>.", user=interaction.user.id))


async def remove(interaction: _Interaction, report_id: str, values: Values) -> None:
    """Close a report; the message, the file and the row go."""
    del values
    found = await _open_report(interaction, report_id)
    context = context_of(interaction)
    job = await context.database.read(jobs_rows.get, found.job_id)
    await _decide(interaction, found, _REMOVED, f"<@{job.user_id}>" if job else "")
    is_gone = job is None or await erase_result(interaction, job)
    await _close(interaction, translate("Removed by <@{user}>.", user=interaction.user.id))
    if not is_gone:
        await send_ephemeral(
            interaction, translate("Its message couldn't be deleted; please delete it yourself.")
        )


async def _open_report(interaction: _Interaction, report_id: str) -> Report:
    """Return a report that this person may decide on now. Raises RefusedError."""
    guild_id = guild_to_moderate(interaction)
    found = await context_of(interaction).database.read(rows.report_of, report_id)
    if found is None or found.guild_id != guild_id:
        raise GoneError("That report no longer exists.")
    return found


async def _decide(interaction: _Interaction, found: Report, decision: str, target: str) -> None:
    entry = AuditEntry(
        guild_id=found.guild_id,
        actor_id=interaction.user.id,
        action=decision,
        target=target,
        detail=found.reason,
        created_at=datetime.now(UTC),
    )
    if not await context_of(interaction).database.write(rows.decide, found.id, decision, entry):
        raise GoneError("Somebody has already decided on that report.")


async def _close(interaction: _Interaction, words: str) -> None:
    await interaction.response.edit_message(content=words, view=None)


ACTIONS: dict[str, Action] = {
    "report": report,
    "report_send": report_send,
    KEEP: keep,
    REMOVE: remove,
}
FORMS: dict[str, tuple[str, Values]] = {"report_send": ("report", {})}
