"""/moderation: what a server's moderators decide."""

from __future__ import annotations

from discord import app_commands

from bot.commands import word_lists
from bot.commands.options import localized
from generator.contract.text import Text


def build() -> app_commands.Group:
    """Return the group with all its commands."""
    group = app_commands.Group(
        name="moderation", description=localized(Text("What moderators decide here."))
    )
    group.add_command(word_lists.build())
    return group
