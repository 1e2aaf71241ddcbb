"""/gif: reads the options, takes in the source GIF, and hands the request over.

With a source and no word on how to follow it, its contact sheet is shown first: see
``bot.commands.sheet``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import discord

from bot.commands import sheet
from bot.commands.asking import Order, ask, defer, variations
from bot.commands.gif_options import gif_options
from bot.commands.lora_choice import choose, with_trigger_words
from bot.commands.options import AnyCommand, command
from bot.commands.reading import (
    read_count,
    read_format,
    read_request,
    read_style,
    with_control,
)
from bot.commands.rules import taken_for_granted
from bot.config_library import Style
from bot.house import house_of
from bot.intake.sources import Brought
from generator.errors import RequestError
from generator.limits import ModelLimits
from generator.words import Words


def build(limits: ModelLimits, styles: Mapping[str, Style] | None = None) -> AnyCommand:
    """The command, with the options that the model's limits and the config's styles allow."""
    styles = styles or {}

    async def gif(interaction: discord.Interaction[Any], **given: Any) -> None:
        given = await taken_for_granted(interaction, given)
        style = read_style(styles, given.pop("style", None))
        count = read_count(given.pop("count"))
        suffix, private = read_format(given.pop("format")), bool(given.pop("private"))
        source = given.pop("control_gif")
        kind, strength = given.pop("control_type"), given.pop("control_strength")
        chosen = await choose(interaction, _loras(given))
        given["prompt"] = with_trigger_words(str(given["prompt"]).strip(), chosen)
        loras = tuple(each.part for each in chosen)
        request = read_request(limits, **given, style=style, loras=loras)
        files = tuple(each.file for each in chosen)
        order = Order(request=request, files=files, suffix=suffix, private=private)
        if source is not None:
            await _follow(interaction, order, count, source, kind=kind, strength=strength)
        elif kind is not None or strength is not None:
            raise RequestError("A control type needs a GIF to follow; attach one as control_gif.")
        else:
            await ask(interaction, variations(order, count))

    options = gif_options(limits, styles)
    return command("gif", Words("Make a GIF of what you describe."), gif, options)


def _loras(given: dict[str, Any]) -> list[tuple[object, object]]:
    """Takes the LoRAs and their strengths out of the options."""
    return [(given.pop(name), given.pop(f"{name}_strength")) for name in ("lora", "lora_2")]


async def _follow(
    interaction: discord.Interaction[Any],
    order: Order,
    count: int,
    source: discord.Attachment,
    *,
    kind: object,
    strength: object,
) -> None:
    """With a source: straight on where it was said how to follow it, else by its sheet."""
    house = house_of(interaction)
    is_settled = kind is not None or strength is not None
    if is_settled:  # refused before a byte is fetched
        with_control(house.limits, order.request, "source", kind, strength)
    answer_id = await defer(interaction, private=order.private or not is_settled)
    file = await house.sources.take(interaction.user.id, brought(source))
    if not is_settled:
        await sheet.show(interaction, order, count, file)
        return
    request = with_control(house.limits, order.request, file.blob, kind, strength)
    followed = replace(order, request=request, files=(*order.files, file))
    await ask(interaction, variations(followed, count), answer_id)


def brought(attachment: discord.Attachment) -> Brought:
    """What Discord says of it."""
    return Brought(attachment.url, attachment.filename, attachment.size)
