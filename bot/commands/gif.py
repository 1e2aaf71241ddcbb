"""/gif: reads the options, takes in the files, and submits the request.

With a source and no word on how to follow it, its contact sheet is shown first: see
``bot.commands.contact_sheet``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import discord

from bot.commands import contact_sheet
from bot.commands.defaults import apply_defaults
from bot.commands.lora_choice import choose_loras, with_trigger_words
from bot.commands.offered_options import slash_options
from bot.commands.option_parsing import (
    GivenOptions,
    nearest_size,
    read_count,
    read_format,
    read_options,
    read_request,
    read_style,
    with_control,
    with_image,
)
from bot.commands.options import AnyCommand, command
from bot.commands.submit import JobOrder, defer, submit_jobs, variations
from bot.core.config import Style
from bot.core.model_catalogue import DEFAULT
from bot.gateway.context import context_of
from bot.gateway.message_media import linked_file, uploaded_file
from bot.intake.attachments import IncomingFile
from bot.storage.models import Attachment
from generator.contract.errors import RequestError
from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.contract.text import Text
from generator.sources.facts import Facts

_LINKS = {"control_gif": "control_link", "image": "image_link"}
"""Options that take a file, and those that take a link to one instead."""


def build(
    limits: ModelLimits, styles: Mapping[str, Style] | None = None, *, offers_models: bool = False
) -> AnyCommand:
    """Return /gif, with the options that the models' limits and the config's styles allow."""

    async def gif(interaction: discord.Interaction[Any], **given: Any) -> None:
        for name, link in _LINKS.items():
            given[name] = _incoming_file(given[name], given.pop(link))
        await make_gif(interaction, read_options(given))

    options = slash_options(limits, styles or {}, offers_models=offers_models)
    return command("gif", Text("Make a GIF of what you describe."), gif, options)


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
    request = read_request(limits, replace(options, prompt=prompt, loras=loras), style)
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
    answer_id = await defer(interaction, private=private or not files.skips_preview)
    user_id = interaction.user.id
    if (picture := files.image) is not None:
        image, facts = await context.source_intake.take_picture(user_id, picture)
        order = _with_file(order, files.apply_image(limits, order.request, image, facts), image)
    if files.source is None:
        await submit_jobs(interaction, variations(order, count), answer_id)
        return
    source = await context.source_intake.take(user_id, files.source)
    if not files.skips_preview:
        await contact_sheet.show(interaction, order, count, source)
        return
    order = _with_file(order, files.apply_control(limits, order.request, source.blob), source)
    await submit_jobs(interaction, variations(order, count), answer_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """The files of a command and how each is to be used."""

    source: IncomingFile | None
    kind: str | None
    strength: float | None
    image: IncomingFile | None
    image_strength: float | None
    is_sized: bool

    @classmethod
    def of(cls, options: GivenOptions, given: GivenOptions) -> Self:
        """Take the files out of the options. Raises RequestError where one lacks its file.

        Where no size was ``given``, the picture's own decides, before any default.
        """
        files = cls(
            source=options.control_gif,
            kind=options.control_type[0] if options.control_type else None,
            strength=options.control_strength[0] if options.control_strength else None,
            image=options.image,
            image_strength=options.image_strength,
            is_sized=given.size is not None,
        )
        if files.source is None and files.kind is not None:
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
        is_chosen = self.kind is not None or self.strength is not None
        return is_chosen == (self.source is not None)

    def check(self, limits: ModelLimits, request: Request) -> None:
        """Raise RequestError for what can't be made, before a byte is fetched."""
        if self.source is not None and self.skips_preview:
            self.apply_control(limits, request, "source")
        if self.image is not None:
            with_image(limits, request, "image", self.image_strength)

    def apply_control(self, limits: ModelLimits, request: Request, source: str) -> Request:
        return with_control(limits, request, source, self.kind, self.strength)

    def apply_image(
        self, limits: ModelLimits, request: Request, image: Attachment, facts: Facts
    ) -> Request:
        """Return the request with the picture, in the size that is nearest to its shape."""
        if not self.is_sized:
            size = nearest_size(limits, facts.width, facts.height)
            request = replace(request, width=size.width, height=size.height)
        return with_image(limits, request, image.blob, self.image_strength)


def _with_file(order: JobOrder, request: Request, file: Attachment) -> JobOrder:
    return replace(order, request=request, files=(*order.files, file))


def _incoming_file(attachment: discord.Attachment | None, link: str | None) -> IncomingFile | None:
    """Return the file that was attached or linked. Raises RequestError where both are given."""
    if attachment is not None and link is not None:
        raise RequestError("Give either a file or a link to one, and not both.")
    if link is not None:
        return linked_file(link.strip())
    return None if attachment is None else uploaded_file(attachment)
