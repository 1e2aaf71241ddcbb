"""What asks moderators to look at a withheld result, and what they see of it. Pure."""

from __future__ import annotations

from discord import ButtonStyle, Colour, Embed
from discord.ui import View

from bot.core.translations import translate
from bot.storage.models import Job
from bot.ui import embeds, wording
from bot.ui.actions import ActionButton

ASK, ALLOW, KEEP = "appeal", "appeal_allow", "appeal_keep"


def ask_button(job: Job, number: int = 0) -> ActionButton:
    """Return the button that asks; ``number`` tells one of several in a message."""
    if number:
        label = translate("Ask a moderator about {number}", number=number)
    else:
        label = translate("Ask a moderator")
    return ActionButton(ASK, job.id, label=label)


def appeal_view(job: Job) -> View:
    """Return what stands below the reason why a result was withheld."""
    return View(timeout=None).add_item(ask_button(job))


def appeal_embed(job: Job) -> Embed:
    """Return what moderators read beside the file."""
    embed = Embed(
        title=translate("Somebody asks whether this may be posted"),
        description=embeds.quote(job.request),
        colour=Colour.orange(),
    )
    embed.add_field(name=translate("Made by"), value=f"<@{job.user_id}>")
    is_direct = job.origin.guild_id is None
    where = translate("direct messages") if is_direct else f"<#{job.origin.channel_id}>"
    embed.add_field(name=translate("Where"), value=where)
    why = wording.excerpt(wording.failure_reason(job), 500)
    return embed.add_field(name=translate("Why it was withheld"), value=why, inline=False)


def decision_view(job_id: str) -> View:
    """Return the buttons under a withheld result; who may press them is asked at each press."""
    view = View(timeout=None)
    view.add_item(ActionButton(ALLOW, job_id, label=translate("Allow"), style=ButtonStyle.success))
    view.add_item(
        ActionButton(KEEP, job_id, label=translate("Keep it withheld"), style=ButtonStyle.danger)
    )
    return view
