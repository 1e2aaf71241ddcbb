"""The slash commands, one module a command group, and the actions of buttons, menus and forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from discord import app_commands
from discord.ui import DynamicItem

from bot.commands import gif, help_, history, lora, queue, results, sheet
from bot.config_library import Style
from bot.ui.actions import Action, ActionButton, ActionMenu
from bot.ui.buttons import CancelButton, MasterButton
from generator.limits import ModelLimits

DYNAMIC_ITEMS: tuple[type[DynamicItem[Any]], ...] = (
    ActionButton,
    ActionMenu,
    CancelButton,
    MasterButton,
    history.PageButton,
)
ACTIONS: Mapping[str, Action] = {**sheet.ACTIONS, **results.ACTIONS}


def all_commands(
    limits: ModelLimits, styles: Mapping[str, Style] | None = None
) -> list[app_commands.Command[Any, ..., None] | app_commands.Group]:
    """Every command, made for a model with these limits."""
    return [
        gif.build(limits, styles),
        lora.build(),
        history.build(),
        queue.build_queue(),
        queue.build_cancel(),
        help_.build(),
    ]
