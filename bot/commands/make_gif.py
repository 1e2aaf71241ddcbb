"""Makes a GIF of options: takes in the files, and submits the request.

With a source and no word on how to follow it, its contact sheet is shown first: see
``bot.commands.contact_sheet``. /gif, the panel and message menus end here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import discord

from bot.commands import contact_sheet
from bot.commands.defaults import apply_defaults
from bot.commands.lora_choice import choose_loras, few_steps_of, with_trigger_words
from bot.commands.option_parsing import (
    BroughtFile,
    GivenOptions,
    nearest_size,
    read_count,
    read_format,
    read_request,
    read_style,
    with_control,
    with_image,
)
from bot.commands.submit import JobOrder, check_allowed, defer, submit_jobs, variations
from bot.core.model_catalogue import DEFAULT
from bot.gateway.context import context_of
from bot.intake.attachments import StoredFile
from bot.storage.models import Attachment
from generator.contract.errors import RequestError
from generator.contract.few_steps import FewSteps, sampling_of
from generator.contract.limits import ModelLimits
from generator.contract.messages import Request


async def take_source(interaction: discord.Interaction[Any], file: BroughtFile) -> StoredFile:
    """Return a source that moves, fetched unless that was done before."""
    if isinstance(file, StoredFile):
        return file
    return StoredFile(await context_of(interaction).source_intake.take(interaction.user.id, file))


async def take_picture(interaction: discord.Interaction[Any], file: BroughtFile) -> StoredFile:
    """Return a picture and its shape, fetched unless that was done before."""
    if isinstance(file, StoredFile):
        return file
    intake = context_of(interaction).source_intake
    picture, facts = await intake.take_picture(interaction.user.id, file)
    return StoredFile(picture, facts.width, facts.height)


async def make_gif(interaction: discord.Interaction[Any], given: GivenOptions) -> None:
    """Submit what the options of /gif ask for; raise what it refuses."""
    context = context_of(interaction)
    options = await apply_defaults(interaction, given)
    limits = context.models.limits(options.model or DEFAULT)
    files, count = _Files.of(options, given), read_count(options.count)
    style = read_style(context.settings.styles, options.style)
    suffix, private = read_format(limits, options.format), bool(options.private)
    chosen = await choose_loras(
        interaction,
        [(options.lora, options.lora_strength), (options.lora_2, options.lora_2_strength)],
    )
    prompt = with_trigger_words((options.prompt or "").strip(), chosen)
    loras = tuple(each.request_lora for each in chosen)
    few = few_steps_of(chosen)
    options = replace(
        options, prompt=prompt, loras=loras, steps=_steps(limits, given, options, few)
    )
    request = read_request(limits, options, style, few)
    attached = tuple(each.attachment for each in chosen)
    order = JobOrder(
        request=request,
        files=attached,
        suffix=suffix,
        private=private,
        style=options.style or "",
    )
    if not files.has_any:
        await submit_jobs(interaction, variations(order, count))
        return
    files.check(limits, request)
    await check_allowed(interaction, [request])
    answer_id = await defer(interaction, private=private or not files.skips_preview)
    if (picture := files.image) is not None:
        image = await take_picture(interaction, picture)
        order = _with_file(order, files.apply_image(limits, order.request, image), image.attachment)
    if files.source is None:
        await submit_jobs(interaction, variations(order, count), answer_id)
        return
    source = (await take_source(interaction, files.source)).attachment
    if not files.skips_preview:
        await contact_sheet.show(interaction, order, count, source)
        return
    order = _with_file(order, files.apply_control(limits, order.request, source.blob), source)
    await submit_jobs(interaction, variations(order, count), answer_id)


def _steps(
    limits: ModelLimits, given: GivenOptions, options: GivenOptions, few: FewSteps | None
) -> int | None:
    """Return the steps that were ``given``, or those that the server allows where these are fewer
    than the quality, or a distilled LoRA, asks for.
    """
    if given.steps is not None or options.steps is None:
        return options.steps
    return min(options.steps, sampling_of(limits, options.quality, few).steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """The files of a command and how each is to be used."""

    source: BroughtFile | None
    kind: str | None
    second_kind: str | None
    strength: float | str | None
    image: BroughtFile | None
    image_strength: float | None
    is_sized: bool

    @classmethod
    def of(cls, options: GivenOptions, given: GivenOptions) -> Self:
        """Take the files out of the options. Raises RequestError where one lacks its file.

        Where no size was ``given``, the picture's own decides, before any default.
        """
        files = cls(
            source=options.control_gif or options.control_pictures,
            kind=options.control_type[0] if options.control_type else None,
            second_kind=options.control_type_2,
            strength=options.control_strength[0] if options.control_strength else None,
            image=options.image,
            image_strength=options.image_strength,
            is_sized=given.size is not None,
        )
        if files.source is None and (files.kind or files.second_kind) is not None:
            raise RequestError("A control type needs a GIF to follow; attach one as control_gif.")
        if files.source is None and files.strength is not None:
            raise RequestError(
                "A control strength needs a GIF to follow; attach one as control_gif."
            )
        if files.image is None and given.image_strength is not None:
            raise RequestError("An image strength needs a picture; attach one as image.")
        return files

    @property
    def has_any(self) -> bool:
        return self.source is not None or self.image is not None

    @property
    def skips_preview(self) -> bool:
        """Return whether the options say how to follow the source, so that no preview is needed."""
        chosen = (self.kind, self.second_kind, self.strength)
        is_chosen = any(each is not None for each in chosen)
        return is_chosen == (self.source is not None)

    def check(self, limits: ModelLimits, request: Request) -> None:
        """Raise RequestError for what can't be made, before a byte is fetched."""
        if self.source is not None and self.skips_preview:
            self.apply_control(limits, request, "source")
        if self.image is not None:
            with_image(limits, request, "image", self.image_strength)

    def apply_control(self, limits: ModelLimits, request: Request, source: str) -> Request:
        followed = with_control(limits, request, source, self.kind, self.strength)
        if self.second_kind in (None, self.kind):
            return followed
        second = with_control(limits, request, source, self.second_kind, self.strength)
        return replace(followed, controls=(*followed.controls, *second.controls))

    def apply_image(self, limits: ModelLimits, request: Request, image: StoredFile) -> Request:
        """Return the request with the picture, in the size that is nearest to its shape."""
        if not self.is_sized:
            size = nearest_size(limits, image.width, image.height)
            request = replace(request, width=size.width, height=size.height)
        return with_image(limits, request, image.attachment.blob, self.image_strength)


def _with_file(order: JobOrder, request: Request, file: Attachment) -> JobOrder:
    return replace(order, request=request, files=(*order.files, file))
