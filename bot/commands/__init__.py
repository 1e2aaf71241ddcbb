"""The slash commands, one module a command, and the actions of buttons, menus and forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from discord import app_commands
from discord.ui import DynamicItem

from bot.commands import (
    appeals,
    browse,
    contact_sheet,
    continuation,
    describe,
    edits,
    expressions,
    gallery,
    gif,
    history,
    interrupted,
    length_actions,
    lora,
    message_menus,
    moderation,
    panel,
    panel_earlier_forms,
    privacy,
    queue,
    quota,
    reports,
    result_actions,
    settings,
    settings_panel,
    suggest,
    word_lists,
)
from bot.commands import (
    help as help_,
)
from bot.core.config import Style
from bot.ui.actions import Action, ActionButton, ActionMenu, Values, reopen_form
from bot.ui.buttons import CancelButton, OriginalButton
from generator.contract.limits import ModelLimits

DYNAMIC_ITEMS: tuple[type[DynamicItem[Any]], ...] = (
    ActionButton,
    ActionMenu,
    CancelButton,
    OriginalButton,
    history.PageButton,
)
ACTIONS: Mapping[str, Action] = {
    **contact_sheet.ACTIONS,
    **result_actions.ACTIONS,
    **length_actions.ACTIONS,
    **continuation.ACTIONS,
    **panel.ACTIONS,
    **browse.ACTIONS,
    **panel_earlier_forms.ACTIONS,
    **suggest.ACTIONS,
    **describe.ACTIONS,
    **edits.ACTIONS,
    **expressions.ACTIONS,
    **gallery.ACTIONS,
    **message_menus.ACTIONS,
    **help_.ACTIONS,
    **history.ACTIONS,
    **interrupted.ACTIONS,
    **lora.ACTIONS,
    **privacy.ACTIONS,
    **queue.ACTIONS,
    **settings.ACTIONS,
    **reports.ACTIONS,
    **appeals.ACTIONS,
    **word_lists.ACTIONS,
    "form_open": reopen_form,
}
FORMS: Mapping[str, tuple[str, Values]] = {
    **panel.FORMS,
    **describe.FORMS,
    **settings_panel.FORMS,
    **expressions.FORMS,
    **reports.FORMS,
    **word_lists.FORMS,
    "edit_send": ("edit", {}),
    "motion_send": ("motion", {}),
    "continue_send": ("continue", {}),
    "caption_send": ("more", {"choice": "caption"}),
    "sampling_send": ("edit", {}),
    "model_send": ("edit", {}),
    "sheet_prompt": ("sheet_go", {}),
    "remix_send": ("remix_open", {}),
    "animate_send": ("animate_open", {}),
}
"""What each form is sent to, and the action that shows it, with what is chosen there."""

AnyCommand = app_commands.Command[Any, ..., None] | app_commands.Group | app_commands.ContextMenu


def all_commands(
    limits: ModelLimits, styles: Mapping[str, Style] | None = None, *, offers_models: bool = False
) -> list[AnyCommand]:
    """Return every command, made for a model with these limits, or for a choice of models.

    Offered in servers, in direct messages, and wherever somebody brings the app along.
    """
    commands: list[AnyCommand] = [
        gif.build(limits, styles, offers_models=offers_models),
        lora.build(),
        *history.build(),
        gallery.build(),
        queue.build_queue(),
        queue.build_cancel(),
        quota.build(),
        privacy.build(),
        settings.build(limits, styles or {}, offers_models=offers_models),
        moderation.build(),
        help_.build(),
        *message_menus.build(),
        *reports.build(),
    ]
    for command in commands:
        command.allowed_installs = app_commands.AppInstallationType(guild=True, user=True)
        command.allowed_contexts = app_commands.AppCommandContext(
            guild=True, dm_channel=True, private_channel=True
        )
    return commands
