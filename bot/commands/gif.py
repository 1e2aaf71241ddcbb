"""/gif: reads the options; ``bot.commands.make_gif`` makes a GIF of them.

Without a prompt it opens the panel (``bot.commands.panel``) with what was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import discord

from bot.commands import panel
from bot.commands.make_gif import make_gif
from bot.commands.offered_options import slash_options
from bot.commands.option_parsing import read_options
from bot.commands.options import AnyCommand, command
from bot.core.config import Style
from bot.gateway.message_media import linked_file, uploaded_file
from bot.intake.attachments import IncomingFile
from generator.contract.errors import RequestError
from generator.contract.limits import ModelLimits
from generator.contract.text import Text

_LINKS = {"control_gif": "control_link", "image": "image_link"}
"""Options that take a file, and those that take a link to one instead."""


def build(
    limits: ModelLimits, styles: Mapping[str, Style] | None = None, *, offers_models: bool = False
) -> AnyCommand:
    """Return /gif, with the options that the models' limits and the config's styles allow."""

    async def gif(interaction: discord.Interaction[Any], **given: Any) -> None:
        for name, link in _LINKS.items():
            given[name] = _incoming_file(given.get(name), given.pop(link, None))
        options = read_options(given)
        if options.prompt is None:
            await panel.open_new(interaction, options)
        else:
            await make_gif(interaction, options)

    options = slash_options(limits, styles or {}, offers_models=offers_models)
    return command("gif", Text("Make a GIF of what you describe."), gif, options)


def _incoming_file(attachment: discord.Attachment | None, link: str | None) -> IncomingFile | None:
    """Return the file that was attached or linked. Raises RequestError where both are given."""
    if attachment is not None and link is not None:
        raise RequestError("Give either a file or a link to one, and not both.")
    if link is not None:
        return linked_file(link.strip())
    return None if attachment is None else uploaded_file(attachment)
