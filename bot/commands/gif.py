"""/gif: reads the options; ``bot.commands.make_gif`` makes a GIF of them.

Without a prompt it opens the panel (``bot.commands.panel``) with what was given; the panel has all
other options.
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
from bot.gateway.message_media import uploaded_file
from generator.contract.limits import ModelLimits
from generator.contract.text import Text


def build(
    limits: ModelLimits, styles: Mapping[str, Style] | None = None, *, offers_models: bool = False
) -> AnyCommand:
    """Return /gif, with the options that the models' limits and the config's styles allow."""

    async def gif(interaction: discord.Interaction[Any], **given: Any) -> None:
        options = read_options({name: _as_brought(value) for name, value in given.items()})
        if options.prompt is None:
            await panel.open_new(interaction, options)
        else:
            await make_gif(interaction, options)

    options = slash_options(limits, styles or {}, offers_models=offers_models)
    return command("gif", Text("Make a GIF of what you describe."), gif, options)


def _as_brought(value: object) -> object:
    """Return a file as one that is yet to be fetched, and anything else as it is."""
    return uploaded_file(value) if isinstance(value, discord.Attachment) else value
