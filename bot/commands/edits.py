"""The edits under a result, which need no model, and those under what they made.

Each starts from the job's own file and does everything that was done before anew: nothing is lost
from one edit to the next.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

import discord

from bot.commands.offered_options import text_field
from bot.commands.panel import edit as edit_in_panel
from bot.commands.result_actions import job_of, original_of
from bot.commands.submit import check_allowed
from bot.core.errors import GoneError, RefusedError
from bot.core.translations import translate
from bot.gateway.context import context_of, place_of
from bot.intake.contact_sheets import run_in_turn
from bot.storage import edits as rows
from bot.storage import jobs
from bot.storage.edits import Edit, Step
from bot.storage.models import Attachment, Job
from bot.ui import wording
from bot.ui.actions import Form, Values
from bot.ui.result_view import CONTINUED, EDITS, FINAL_EDITS, edit_view
from bot.ui.stored_files import made_file
from generator.contract.text import Text

_LONGEST_CAPTION = 200
_MOST_JOINED = 12  # clips before the last one
_MOST_STEPS = 8
_IN_PANEL = ("sampling", "model")  # in menus of earlier versions: the panel has them now

_Interaction = discord.Interaction[Any]


async def choose_edit(interaction: _Interaction, target: str, values: Values) -> None:
    """Apply the edit that was chosen, or ask for its caption first.

    ``target`` is a job's id, or an edit's.
    """
    wanted = values.get("choice", "")
    if wanted in _IN_PANEL:
        await edit_in_panel(interaction, target, {})
        return
    if wanted not in EDITS:
        raise RefusedError("That isn't one of the choices; choose one from the list.")
    await check_allowed(interaction, [])
    edit, job = await _edit_and_job(interaction, target)
    if wanted == "caption":
        words = text_field("caption", translate("The caption"), "", longest=_LONGEST_CAPTION)
        await interaction.response.send_modal(
            Form("caption_send", target, translate("Add a caption"), (words,))
        )
        return
    await _apply_and_send(interaction, job, _with_step(edit, wanted))


async def caption_send(interaction: _Interaction, target: str, values: Values) -> None:
    """Add the caption of the form."""
    await check_allowed(interaction, [])
    edit, job = await _edit_and_job(interaction, target)
    words = _printable(values.get("caption", ""))[:_LONGEST_CAPTION]
    await context_of(interaction).policy.check_words(place_of(interaction), words)
    await _apply_and_send(interaction, job, _with_step(edit, "caption", words))


def _printable(words: str) -> str:
    """Return ``words`` on one line, without what no command line takes and no font shows."""
    shown = (letter for letter in words if letter.isprintable() or letter.isspace())
    return " ".join("".join(shown).split())


async def _edit_and_job(interaction: _Interaction, target: str) -> tuple[Edit, Job]:
    edit = await context_of(interaction).database.read(rows.get, target) or Edit(target)
    return edit, await job_of(interaction, edit.job_id)


def _with_step(edit: Edit, wanted: str, words: str = "") -> Edit:
    if len(edit.steps) >= _MOST_STEPS:  # only a forged button asks for more
        raise RefusedError("That isn't one of the choices; choose one from the list.")
    return replace(edit, steps=(*edit.steps, (wanted, words)))


async def _apply_and_send(interaction: _Interaction, job: Job, edit: Edit) -> None:
    """Send the edited file: for all to see to its owner, and only to them to others."""
    source = await original_of(interaction, job)
    is_own = job.user_id == interaction.user.id
    is_private = job.origin.private or not is_own
    await interaction.response.defer(thinking=True, ephemeral=is_private)
    context = context_of(interaction)
    wanted, _ = edit.steps[-1]
    suffix = ".gif" if wanted in FINAL_EDITS else PurePath(source.blob).suffix
    output = context.scratch / f"edit-{secrets.token_hex(8)}{suffix}"
    try:
        before = await _clips_before(interaction, job) if _joins(edit) else []
        notes = await run_edits(interaction, source, edit.steps, output, before)
        await _send_file(interaction, job, edit, output, notes)
    finally:
        await asyncio.to_thread(output.unlink, missing_ok=True)


async def run_edits(
    interaction: _Interaction,
    source: Attachment,
    steps: Sequence[Step],
    output: Path,
    before: Sequence[Path] = (),
) -> str:
    """Write what a file is after these edits; return what to say of it. Raises RefusedError.

    ``before`` are the clips that the edit *join* puts in front.
    """
    *earlier, (wanted, words) = steps
    path = context_of(interaction).blobs.path(source.blob)
    printed = await run_in_turn(
        interaction.user.id,
        *("generator.postprocess.edits", wanted, str(path), str(output)),
        *(f"--caption={words}", f"--after={json.dumps(earlier)}"),
        *(f"--before={each}" for each in before),
    )
    return _notes(printed)


def _joins(edit: Edit) -> bool:
    return any(name == "join" for name, _ in edit.steps)


async def _clips_before(interaction: _Interaction, job: Job) -> list[Path]:
    """Return the files that a clip goes on from, the first one first. Raises RefusedError.

    Whoever continued them saw them; that a clip was deleted since is said.
    """
    context, found = context_of(interaction), list[Path]()
    while job.origin.relation == CONTINUED and job.origin.parent_id:
        before = await context.database.read(jobs.get, job.origin.parent_id)
        if before is None:
            raise GoneError("An earlier clip was deleted, so they can't be joined.")
        found.insert(0, context.blobs.path((await original_of(interaction, before)).blob))
        if len(found) == _MOST_JOINED:
            break
        job = before
    return found


async def _send_file(
    interaction: _Interaction, job: Job, edit: Edit, output: Path, notes: str
) -> None:
    size = (await asyncio.to_thread(output.stat)).st_size
    if size > interaction.filesize_limit:
        raise RefusedError(
            "At {size} it is too large for Discord here; try cropping it to a square.",
            size=wording.file_size(size),
        )
    last, _ = edit.steps[-1]
    name = f"hotshot-{last}-{job.id[:12]}{output.suffix}"
    context, alt = context_of(interaction), wording.alt_text(job.request, output.suffix)
    file = await made_file(context, job, interaction.guild_id, output, name, description=alt)
    view = None
    if last not in FINAL_EDITS and len(edit.steps) < _MOST_STEPS:
        kept = await context.database.write(rows.add, edit, interaction.user.id)
        view = edit_view(kept, job)
    await interaction.edit_original_response(content=notes or None, attachments=[file], view=view)


def _notes(printed: bytes) -> str:
    """Return the sentences that the child printed about the file that it made."""
    report = json.loads(printed.splitlines()[-1])
    notes = [translate(note) for note in _texts(report["notes"])]
    if report["given_up"]:
        listed = ", ".join(map(translate, _texts(report["given_up"])))
        notes.append(translate("Made smaller to fit: {listed}.", listed=listed))
    return " ".join(notes)


def _texts(report: Sequence[dict[str, Any]]) -> list[Text]:
    return [Text.from_dict(each) for each in report]


ACTIONS = {"more": choose_edit, "caption_send": caption_send}
