"""What moderators see: reports, blocks, and the log of what was decided. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from discord import ButtonStyle, Colour, Embed
from discord.ui import View

from bot.core.translations import translate
from bot.storage.models import Job
from bot.storage.moderation import ERASED, SERVER, SHELL, AuditEntry, Block, Report
from bot.ui import embeds, wording
from bot.ui.actions import ActionButton
from generator.contract.text import Text

KEEP, REMOVE = "report_keep", "report_remove"
_COLOUR = Colour.orange()
_ACTIONS = {
    "block": Text("blocked"),
    "unblock": Text("unblocked"),
    "removed": Text("removed a GIF of"),
    "kept": Text("kept a GIF that was reported"),
    "appeal_allowed": Text("allowed a withheld GIF of"),
    "appeal_kept": Text("kept withholding a GIF of"),
    "pictures": Text("set the picture detector"),
    "words": Text("changed the words"),
    "quota": Text("set the quota"),
    "log": Text("chose the log channel"),
    "drained": Text("drained the bot"),
    "resumed": Text("resumed"),
    "paused": Text("paused"),
    "restarted": Text("restarted the worker"),
    "cancelled": Text("cancelled a GIF of"),
    "again": Text("made a GIF again for"),
    "read": Text("looked at a GIF of"),
    "announced": Text("messaged everybody waiting"),
    "reloaded": Text("reloaded the config"),
}


def report_embed(report: Report, job: Job) -> Embed:
    """Return what moderators read of a report."""
    embed = Embed(
        title=translate("A GIF was reported"),
        description=embeds.quote(job.request),
        colour=_COLOUR,
        timestamp=report.created_at,
    )
    embed.add_field(name=translate("Made by"), value=f"<@{job.user_id}>")
    embed.add_field(name=translate("Reported by"), value=f"<@{report.reporter_id}>")
    embed.add_field(name=translate("Why"), value=wording.excerpt(report.reason, 500), inline=False)
    if job.link:
        embed.add_field(name=translate("Where"), value=job.link, inline=False)
    return embed


def report_view(report_id: str) -> View:
    """Return the buttons under a report."""
    view = View(timeout=None)
    view.add_item(ActionButton(KEEP, report_id, label=translate("Keep it")))
    view.add_item(
        ActionButton(REMOVE, report_id, label=translate("Remove"), style=ButtonStyle.danger)
    )
    return view


def blocks_embed(blocks: Sequence[Block]) -> Embed:
    """Return who is blocked."""
    lines = "\n".join(map(_block_line, blocks)) or translate("Nobody.")
    return Embed(title=translate("Blocked"), description=lines[:4000], colour=_COLOUR)


def audit_embed(entries: Sequence[AuditEntry]) -> Embed:
    """Return what was decided, the newest first."""
    lines = "\n".join(map(_audit_line, entries)) or translate("Nothing yet.")
    return Embed(title=translate("What was decided"), description=lines[:4000], colour=_COLOUR)


def _block_line(block: Block) -> str:
    whom = f"`{block.target_id}`" if block.kind == SERVER else f"<@{block.target_id}>"
    until = f"<t:{int(block.until.timestamp())}:f>" if block.until else translate("for good")
    reason = f": {wording.excerpt(block.reason, 100)}" if block.reason else ""
    return f"{whom} · {until}{reason}"


def _audit_line(entry: AuditEntry) -> str:
    words = translate(_ACTIONS[entry.action]) if entry.action in _ACTIONS else entry.action
    detail = f" · {wording.excerpt(entry.detail, 100)}" if entry.detail else ""
    when = f"<t:{int(entry.created_at.timestamp())}:f>"
    actor = "`hotshot-bot owner`" if entry.actor_id == SHELL else f"<@{entry.actor_id}>"
    actor = "—" if entry.actor_id == ERASED else actor
    return f"{when} {actor} {words} {entry.target}{detail}"
