"""Submits complete requests as jobs; every command and button that makes a GIF ends here.

The interaction's own message answers all the orders of one command.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any

import discord

from bot.commands.lora_choice import TaggedPrompt, choose_tagged_loras, few_steps_of
from bot.core.errors import RefusedError
from bot.core.translations import translate
from bot.gateway.context import actor_of, context_of, place_of
from bot.gateway.discord_errors import SEND_ERRORS, readable_answers
from bot.storage.models import Attachment, Job, Origin
from bot.ui import embeds
from bot.ui.answers import send_ephemeral_followup
from generator.contract.bounds import draw_seed
from generator.contract.few_steps import is_usual, with_sampling
from generator.contract.lora_tags import extract_tags
from generator.contract.messages import Request

logger = logging.getLogger(__name__)

_WAITING = "⏳ …"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOrder:
    """A request, the files it needs, and how its result is wanted."""

    request: Request
    files: tuple[Attachment, ...] = ()
    suffix: str = ".gif"
    private: bool = False
    parent_id: str | None = None
    relation: str = ""
    style: str = ""
    group_id: str | None = None  # of the variations that share one message
    group_place: int = 0


def variations(order: JobOrder, count: int) -> list[JobOrder]:
    """Return the order, and ``count`` - 1 more that differ in their seeds alone.

    Several share one message.
    """
    if count < 2:
        return [order]
    first = replace(order, group_id=uuid.uuid4().hex, group_place=1)
    others = [
        replace(
            first,
            request=replace(order.request, seed=draw_seed()),
            group_place=place,
        )
        for place in range(2, count + 1)
    ]
    return [first, *others]


async def origin_of(interaction: discord.Interaction[Any], order: JobOrder) -> Origin:
    """Return where a command came from, and how its result is wanted."""
    own, _ = await context_of(interaction).preferences.both(interaction.user.id, None)
    return Origin(
        application_id=interaction.application_id,
        token=interaction.token,
        asked_at=interaction.created_at,
        user_id=interaction.user.id,
        user_name=interaction.user.name,
        channel_id=interaction.channel_id or 0,
        guild_id=interaction.guild_id,
        upload_limit=interaction.filesize_limit,
        suffix=order.suffix,
        private=order.private,
        parent_id=order.parent_id,
        relation=order.relation,
        locale=str(interaction.locale)[:8],
        style=order.style,
        ping=bool(own.get("ping")),
        with_recipe=bool(own.get("recipe", not order.private)),
        group_id=order.group_id,
        group_place=order.group_place,
    )


async def defer(interaction: discord.Interaction[Any], *, private: bool = False) -> int | None:
    """Answer "thinking"; return the answer's id, None where Discord didn't take it."""
    try:
        with readable_answers():
            response = await interaction.response.defer(thinking=True, ephemeral=private)
    except SEND_ERRORS as error:
        logger.warning("Discord didn't take the answer: %s", error)
        return None
    return None if response is None else response.message_id


async def check_allowed(interaction: discord.Interaction[Any], requests: Sequence[Request]) -> None:
    """Raise RefusedError where the server doesn't allow this person, channel, or as much."""
    await context_of(interaction).policy.check_requests(
        actor_of(interaction), place_of(interaction), requests
    )


async def submit_jobs(
    interaction: discord.Interaction[Any], orders: Sequence[JobOrder], answer_id: int | None = None
) -> None:
    """Accept all the orders; the first is answered before it may start.

    All have one prompt, and LoRAs that it names (``<lora:name:0.8>``) are used where this person
    may. ``answer_id`` is the answer's where one was given already. An order that Discord doesn't
    take the answer of is kept even so: it was accepted, so its result goes to the channel. Raises
    RefusedError where not even the first is taken, or no GIFs are made here.
    """
    tagged = await choose_tagged_loras(interaction, orders[0].request.prompt)
    orders = [_with_tagged_loras(interaction, order, tagged) for order in orders]
    await check_allowed(interaction, [order.request for order in orders])
    jobs = context_of(interaction).jobs
    if not interaction.response.is_done() and await _takes_long(interaction, orders):
        answer_id = await defer(interaction, private=orders[0].private)
    taken: list[Job] = []
    refusal: RefusedError | None = None
    async with AsyncExitStack() as accepted:  # no result comes before all that there will be
        for order in orders:
            try:
                job = await accepted.enter_async_context(await _accepted(interaction, order))
            except RefusedError as error:
                if not taken:
                    raise
                refusal = error
                break
            taken.append(job)
            if not interaction.response.is_done():
                answer_id = await defer(interaction, private=order.private)
            jobs.note_answer(job.id, answer_id)
        if refusal or tagged.unused:
            await _show_waiting(interaction, orders[0])
    if tagged.unused:
        await send_ephemeral_followup(interaction, tagged.hint)
    if refusal is not None:
        words = translate(
            "Only {taken} of {wanted} were accepted. {reason}",
            taken=len(taken),
            wanted=len(orders),
            reason=refusal.words,
        )
        await send_ephemeral_followup(interaction, words)  # the answer is their progress
    for job in taken[1:]:  # they may wait long
        await jobs.save_answer(job.id)


def _with_tagged_loras(
    interaction: discord.Interaction[Any], order: JobOrder, tagged: TaggedPrompt
) -> JobOrder:
    """Return the order with the LoRAs that its prompt names. Raises RequestError."""
    if tagged.prompt == order.request.prompt:
        return order
    there = {lora.path for lora in order.request.loras}
    new = [each for each in tagged.chosen if each.lora.blob not in there]
    loras = (*order.request.loras, *(each.request_lora for each in new))
    request = replace(order.request, prompt=tagged.prompt, loras=loras)
    few, limits = few_steps_of(new), context_of(interaction).models.limits(request.model)
    if few is not None and is_usual(request, limits):
        request = with_sampling(request, limits, None, few)
    if request.negative_prompt:  # nothing is taken away by naming it there
        request = replace(request, negative_prompt=extract_tags(request.negative_prompt)[0])
    context_of(interaction).models.check(request)
    return replace(order, request=request, files=(*order.files, *(each.attachment for each in new)))


async def _takes_long(interaction: discord.Interaction[Any], orders: Sequence[JobOrder]) -> bool:
    """Return whether Discord has to be answered before the gate is through with the files."""
    files = [file for order in orders for file in order.files]
    return await context_of(interaction).policy.takes_long(place_of(interaction), files)


async def _show_waiting(interaction: discord.Interaction[Any], order: JobOrder) -> None:
    """Edit the answer, so that a message that follows doesn't take its place."""
    try:
        embed = embeds.progress(order.request, _WAITING)
        with readable_answers():
            await interaction.edit_original_response(embed=embed)
    except SEND_ERRORS as error:
        logger.warning("Discord didn't take the first words: %s", error)


async def _accepted(
    interaction: discord.Interaction[Any], order: JobOrder
) -> AbstractAsyncContextManager[Job]:
    """Return what accepts one order; see ``JobService.accept``."""
    return context_of(interaction).jobs.accept(
        await origin_of(interaction, order),
        order.request,
        order.files,
        actor=actor_of(interaction),
        place=place_of(interaction),
    )
