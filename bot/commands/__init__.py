"""The slash commands, one module a command group."""

from __future__ import annotations

from typing import Any

from discord import app_commands
from discord.ui import DynamicItem

from bot.commands import gif, help_, history, queue
from bot.ui.buttons import CancelButton, MasterButton
from generator.limits import ModelLimits

DYNAMIC_ITEMS: tuple[type[DynamicItem[Any]], ...] = (
    CancelButton,
    MasterButton,
    history.PageButton,
)


def all_commands(limits: ModelLimits) -> list[app_commands.Command[Any, ..., None]]:
    """Every command, made for a model with these limits."""
    return [
        gif.build(limits),
        history.build(),
        queue.build_queue(),
        queue.build_cancel(),
        help_.build(),
    ]
