"""*Continue*: the next clip begins with the last frame of this one, with other words if one likes.

That frame is kept as it is, and those that follow go on from it. The clip is a job of its own; the
edit *Join* puts it and the clips before it into one file.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from typing import Any

import discord

from bot.commands.offered_options import text_field
from bot.commands.result_actions import is_private_for, job_of, limits_of, order_from, original_of
from bot.commands.submit import check_allowed, defer, submit_jobs
from bot.core.translations import translate
from bot.gateway.context import context_of
from bot.intake.contact_sheets import run_in_turn
from bot.storage import jobs as rows
from bot.storage.models import Attachment, Job
from bot.ui.actions import Action, Form, Values
from bot.ui.result_view import CONTINUED
from generator.contract.bounds import draw_seed
from generator.contract.messages import Request
from generator.contract.windows import CONTINUE, LOOP

_Interaction = discord.Interaction[Any]


async def open_form(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Open a form for what happens next."""
    del values
    job = await job_of(interaction, job_id)
    await original_of(interaction, job)
    field = text_field("prompt", translate("What happens next"), job.request.prompt, long=True)
    form = Form("continue_send", job_id, translate("Continue"), (field,))
    await interaction.response.send_modal(form)


async def send_form(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Make the next clip. Raises RefusedError and RequestError, before anything is answered."""
    job = await job_of(interaction, job_id)
    limits, source = limits_of(interaction, job), await original_of(interaction, job)
    prompt = values.get("prompt", "").strip()
    base = replace(await _base(interaction, job), prompt=prompt, image=source.blob, kept_frames=1)
    limits.check(base)
    await check_allowed(interaction, [base])
    answer_id = await defer(interaction, private=await is_private_for(interaction, job))
    frame = await _last_frame(interaction, source)
    request = replace(base, image=frame.blob)
    order = await order_from(interaction, job, request, CONTINUED, frame)
    await submit_jobs(interaction, [order], answer_id)


async def _base(interaction: _Interaction, job: Job) -> Request:
    """Return what makes a clip like this one, free of what it followed and began from.

    One that was made at twice the size goes on at the size before: that was a second pass.
    """
    request, origin = job.request, job.origin
    if origin.relation == "upscale" and origin.parent_id:
        parent = await context_of(interaction).database.read(rows.get, origin.parent_id)
        request = parent.request if parent is not None else request
    motion = CONTINUE if request.motion == LOOP else request.motion  # it comes from elsewhere
    begun = replace(request.without_image(), controls=(), control_source="")
    return replace(begun, seed=draw_seed(), motion=motion)


async def _last_frame(interaction: _Interaction, source: Attachment) -> Attachment:
    """Return the last frame of a file, stored. Raises RefusedError and StorageError."""
    context = context_of(interaction)
    output = context.scratch / f"last-frame-{secrets.token_hex(8)}.png"
    path = context.blobs.path(source.blob)
    try:
        await run_in_turn(
            interaction.user.id, "generator.postprocess.edits", "last_frame", str(path), str(output)
        )
        size = (await asyncio.to_thread(output.stat)).st_size
        blob = await asyncio.to_thread(context.blobs.adopt, output)
    finally:
        await asyncio.to_thread(output.unlink, missing_ok=True)
    return Attachment(blob, "last-frame.png", size)


ACTIONS: dict[str, Action] = {"continue": open_form, "continue_send": send_form}
