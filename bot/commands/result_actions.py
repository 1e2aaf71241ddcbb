"""The actions of the buttons under a result.

Everybody may ask for their own copy; only the owner, or who manages the server, may delete.

A custom_id can be forged, so a job is only acted on by its owner, or by others where it was posted
for all to see.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import PurePath
from typing import Any

import discord

from bot.commands.defaults import wants_private
from bot.commands.offered_options import text_field
from bot.commands.option_parsing import with_control
from bot.commands.recipe_text import panel_hint, recipe_values, typed_command
from bot.commands.submit import JobOrder, submit_jobs
from bot.core.errors import GoneError, RefusedError
from bot.core.translations import translate
from bot.delivery.gallery_posts import delete_posts
from bot.gateway.context import context_of, may_act_on, moderated_guild
from bot.storage import gallery, library, moderation
from bot.storage import jobs as rows
from bot.storage.blobs import is_blob
from bot.storage.models import Attachment, Job
from bot.storage.moderation import AuditEntry
from bot.ui import wording
from bot.ui.actions import Form, Values
from bot.ui.answers import send_ephemeral, send_ephemeral_followup
from bot.ui.result_view import SHEET, action_sheet, confirm_delete_view
from generator.contract.bounds import draw_seed
from generator.contract.limits import ModelLimits
from generator.contract.messages import Control, Request
from generator.contract.stages import output_size
from generator.contract.text import Text

_SUBTLE = Control("canny", 0.8)
_STRONG = Control("canny", 0.5, end=0.6)
_FOLLOWED = "canny"  # unless the form says otherwise; its pictures need no model
_NO_MASTER = Text("The file is no longer stored; to make it again, press Edit and then Go.")

_Interaction = discord.Interaction[Any]


async def open_sheet(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Show all that can be done with a GIF; of several in one message, the one that was chosen."""
    job_id = values.get("choice", job_id)
    job = await _shown_job(interaction, job_id)
    limits = context_of(interaction).models.known_limits(job.request.model)
    sheet = action_sheet(job, limits, in_server=interaction.guild_id is not None)
    await interaction.response.send_message(view=sheet, ephemeral=True)


async def again(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Make the GIF with another seed."""
    del values
    job = await job_of(interaction, job_id)
    await remake(interaction, job, replace(job.request, seed=draw_seed()), "again")


async def vary_subtle(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Make it with another seed that follows the edges of this one closely."""
    del values
    await _vary(interaction, job_id, _SUBTLE)


async def vary_strong(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Make it with another seed that begins like this one and then goes its own way."""
    del values
    await _vary(interaction, job_id, _STRONG)


async def upscale(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Make it at twice the size, by a second pass that starts from its own frames.

    A job of its own that reads the kept file: the first pass isn't made twice, and its frames are
    those that were seen, whichever version and machine made them. A request that is to be larger
    from the start chooses a stage for it (``generator.contract.stages.UPSCALE``).
    """
    del values
    job = await job_of(interaction, job_id)
    limits = limits_of(interaction, job)
    width, height = (2 * edge for edge in output_size(job.request))
    if not limits.allows(width, height):
        raise RefusedError(
            "Twice its size would be {width} x {height}, and this model makes at most {edge} "
            "x {edge} pixels, or the same number in another shape.",
            width=width,
            height=height,
            edge=2 * limits.native_edge,
        )
    original = await original_of(interaction, job)
    request = limits.upscaled(job.request, original.blob)
    await remake(interaction, job, request, "upscale", original)


async def motion(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Open a form for what should move like this GIF."""
    del values
    job = await job_of(interaction, job_id)
    await original_of(interaction, job)
    fields = (
        text_field(
            "prompt", translate("What should move like this"), job.request.prompt, long=True
        ),
        text_field("type", translate("Control type: canny, depth or loose"), _FOLLOWED),
        text_field("strength", translate("How closely to follow it (0 to 5)"), "1"),
    )
    await interaction.response.send_modal(
        Form("motion_send", job_id, translate("Motion of this"), fields)
    )


async def motion_send(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Make a GIF with this one as its control GIF."""
    job = await job_of(interaction, job_id)
    limits = limits_of(interaction, job)
    source = await original_of(interaction, job)
    kind = values.get("type", "").strip().lower()
    strength = values.get("strength", "").replace(",", ".")  # as half the world writes 0,8
    prompt = values.get("prompt", "").strip()
    # What it began as, and what it was to be without, is no word on what is asked for now.
    begun = job.request.without_image()
    base = replace(begun, prompt=prompt, seed=draw_seed(), negative_prompt=None)
    request = with_control(limits, base, source.blob, kind, strength)
    await remake(interaction, job, request, "motion", source)


async def favourite(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Add the GIF to this person's favourites, or remove it."""
    del values
    database = context_of(interaction).database
    if not await database.read(library.is_favourite, interaction.user.id, job_id):
        await job_of(interaction, job_id)  # who marked it once may unmark it anywhere
    is_favourite = await database.write(library.toggle_favourite, interaction.user.id, job_id)
    if is_favourite:
        await send_ephemeral(
            interaction, translate("⭐ Added to your favourites; /history shows them.")
        )
    else:
        await send_ephemeral(interaction, translate("Removed from your favourites."))


async def recipe(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Show everything that makes the GIF again."""
    del values
    job = await job_of(interaction, job_id)
    file = discord.File(
        BytesIO(json.dumps(recipe_values(job), indent=1, ensure_ascii=False).encode()),
        filename="recipe.json",
        description=translate("Everything needed to make this GIF again."),
    )
    limits = context_of(interaction).models.known_limits(job.request.model)
    command = f"```\n{typed_command(job, limits)}\n```"
    words = command + panel_hint(job, limits)
    await interaction.response.send_message(words, file=file, ephemeral=True)


async def delete(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Ask whether the GIF should really be deleted; of several, that which was chosen."""
    job = await job_of(interaction, values.get("choice", job_id))
    _check_may_delete(interaction, job)
    prompt = wording.excerpt(job.request.prompt, 100)
    words = translate('Delete "{prompt}", its file and its entry in /history?', prompt=prompt)
    await interaction.response.send_message(words, view=confirm_delete_view(job.id), ephemeral=True)


async def confirm_delete(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Delete the job, and what was posted of it where the bot may."""
    del values
    job = await job_of(interaction, job_id)
    _check_may_delete(interaction, job)
    if job.user_id != interaction.user.id:
        entry = AuditEntry(
            guild_id=job.origin.guild_id,
            actor_id=interaction.user.id,
            action="removed",
            target=f"<@{job.user_id}>",
            detail=job.request.prompt,
            created_at=datetime.now(UTC),
        )
        await context_of(interaction).database.write(moderation.record, entry)
    await interaction.response.defer()  # what was posted may take long to go
    is_gone = await erase_result(interaction, job)
    await interaction.edit_original_response(content=translate("🗑️ Deleted."), view=None)
    if not is_gone:
        await send_ephemeral_followup(
            interaction, translate("Its message couldn't be deleted; please delete it yourself.")
        )


async def erase_result(interaction: _Interaction, job: Job) -> bool:
    """Delete a job's row and files, and what was posted; return whether all of that is gone.

    Raises RefusedError where it isn't over.
    """
    context = context_of(interaction)
    attachments = await context.database.read(rows.attachments_of, job.id)
    posts = await context.database.read(gallery.of_job, job.id)
    if not await context.database.write(library.erase, job.id):
        raise RefusedError("It isn't finished yet; cancel it first.")
    own = (job.output, job.withheld)
    await context.drop_unreferenced([*own, *(file.blob for file in attachments)])
    is_gone = job.message_id is None or await context.jobs.take_down(job)
    return await delete_posts(interaction.client, posts) and is_gone


# -- what they share -------------------------------------------------------------------------------


async def job_of(interaction: _Interaction, job_id: str) -> Job:
    """Return a job that this person may act on. Raises RefusedError."""
    job = await context_of(interaction).database.read(rows.get, job_id)
    if job is None:
        raise GoneError("That GIF was deleted, so nothing more can be done with it.")
    if not await may_use(interaction, job):
        raise RefusedError("That GIF is somebody else's; make one of your own with /gif.")
    return job


async def _shown_job(interaction: _Interaction, job_id: str) -> Job:
    """Return a job as ``job_of``; one that this person has marked is shown anywhere."""
    try:
        return await job_of(interaction, job_id)
    except GoneError:
        raise
    except RefusedError:
        database = context_of(interaction).database
        if not await database.read(library.is_favourite, interaction.user.id, job_id):
            raise
        job = await database.read(rows.get, job_id)
        if job is None:
            raise
        return job


async def may_use(interaction: _Interaction, job: Job) -> bool:
    """Return whether this person may act on a job: as ``may_act_on``, or where it was shared."""
    if may_act_on(interaction, job):
        return True
    database, channel_id = context_of(interaction).database, interaction.channel_id or 0
    return await database.read(gallery.is_shared_in, job.id, channel_id)


def limits_of(interaction: _Interaction, job: Job) -> ModelLimits:
    """Return what a GIF's model can be asked for. Raises RefusedError where it is gone."""
    return context_of(interaction).models.limits(job.request.model)


async def original_of(interaction: _Interaction, job: Job) -> Attachment:
    """Return a job's own file. Raises RefusedError where it is no longer stored."""
    blobs = context_of(interaction).blobs
    if not job.output or not await asyncio.to_thread(blobs.path(job.output).exists):
        raise RefusedError(_NO_MASTER)
    return Attachment(job.output, f"motion{PurePath(job.output).suffix}", job.size_bytes or 0)


async def _vary(interaction: _Interaction, job_id: str, control: Control) -> None:
    job = await job_of(interaction, job_id)
    source = await original_of(interaction, job)
    request = replace(
        job.request, seed=draw_seed(), controls=(control,), control_source=source.blob
    )
    await remake(interaction, job, request, "vary", source)


async def remake(
    interaction: _Interaction, job: Job, request: Request, relation: str, *added: Attachment
) -> None:
    """Submit a new job of whoever pressed, which came from ``job``."""
    await submit_jobs(interaction, [await order_from(interaction, job, request, relation, *added)])


async def order_from(
    interaction: _Interaction, job: Job, request: Request, relation: str, *added: Attachment
) -> JobOrder:
    """Return the order for a new job of whoever pressed, which came from ``job``."""
    context = context_of(interaction)
    context.models.check(request)
    attachments = await context.database.read(rows.attachments_of, job.id)
    files = {file.blob: file for file in (*attachments, *added)}
    await _check_files(interaction, request)
    needed = tuple(file for blob, file in files.items() if blob in _blobs(request))
    return JobOrder(
        request=request,
        files=needed,
        suffix=job.origin.suffix,
        private=await is_private_for(interaction, job),
        parent_id=job.id,
        relation=relation,
        style=job.origin.style,
    )


async def is_private_for(interaction: _Interaction, job: Job) -> bool:
    """Return whether what this person makes of a job is for them alone."""
    is_own = job.user_id == interaction.user.id
    return (job.origin.private and is_own) or await wants_private(interaction)


def _blobs(request: Request) -> set[str]:
    loras = (lora.path for lora in request.loras)
    return {name for name in (*loras, request.control_source, request.image) if name}


async def _check_files(interaction: _Interaction, request: Request) -> None:
    """Raise RefusedError where a file is gone, or this person may not use a LoRA."""
    context = context_of(interaction)
    for lora in request.loras:  # one's own GIFs too: what was shared once may be taken back
        user_id, guild_id = interaction.user.id, interaction.guild_id
        allowed = await context.database.read(library.may_use_lora, user_id, guild_id, lora.path)
        if allowed:
            continue
        if await context.database.read(library.is_kept_lora, lora.path):
            raise RefusedError(
                "It was made with a LoRA that its owner doesn't share here, so you can't make "
                "it again."
            )
        raise RefusedError(
            "It was made with a LoRA that has since been removed; it can be made again once the "
            "same file is back (/lora add)."
        )
    for name in _blobs(request):
        if is_blob(name) and not await asyncio.to_thread(context.blobs.path(name).exists):
            raise RefusedError("A LoRA, GIF or picture it was made with is no longer stored.")


def _check_may_delete(interaction: _Interaction, job: Job) -> None:
    guild_id = moderated_guild(interaction)
    moderates = guild_id is not None and guild_id == job.origin.guild_id
    if job.user_id != interaction.user.id and not moderates:
        raise RefusedError("Only the person who asked for it, or a moderator, can delete it.")


ACTIONS = {
    SHEET: open_sheet,
    "again": again,
    "vary_subtle": vary_subtle,
    "vary_strong": vary_strong,
    "upscale": upscale,
    "motion": motion,
    "motion_send": motion_send,
    "favourite": favourite,
    "recipe": recipe,
    "delete": delete,
    "delete_sure": confirm_delete,
}
