"""How a panel looks: a container of lines, each with the button that opens its form.

Everything hangs on the draft's id, so it works after a restart. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from discord import ButtonStyle, Colour
from discord.ui import ActionRow, Container, LayoutView, Section, Separator, TextDisplay

from bot.ui.actions import ActionButton

_COLOUR = Colour.blurple()
_LINE = 320  # characters; all texts of a message may have 4,000
_NOTE = 700


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a panel: its heading, what is set, and the action of its button."""

    label: str
    words: str
    action: str


def panel_view(
    draft_id: str,
    title: str,
    lines: Sequence[Line],
    *,
    note: str = "",
    buttons: Sequence[tuple[str, str]] = (),
    tools: Sequence[tuple[str, str]] = (),
) -> LayoutView:
    """Return a panel; ``buttons`` are the actions and labels below it, the first of which is green.

    ``tools`` are those above these, five at most, which help to fill it in.

    ``note`` is the sentence about what was sent last.
    """
    container: Container[LayoutView] = Container(accent_colour=_COLOUR)
    container.add_item(TextDisplay(f"### {title}"))
    if note:
        container.add_item(TextDisplay(note[:_NOTE]))
    for line in lines:
        words = f"**{line.label}**\n{line.words[:_LINE]}"
        button = ActionButton(line.action, draft_id, label=line.label)
        container.add_item(Section(TextDisplay(words), accessory=button.item))
    if buttons or tools:
        container.add_item(Separator())
    if tools:
        container.add_item(_row(draft_id, tools, ButtonStyle.secondary))
    if buttons:
        container.add_item(_row(draft_id, buttons, ButtonStyle.success))
    return LayoutView(timeout=None).add_item(container)


def _row(
    draft_id: str, buttons: Sequence[tuple[str, str]], first: ButtonStyle
) -> ActionRow[LayoutView]:
    row: ActionRow[LayoutView] = ActionRow()
    for number, (action, label) in enumerate(buttons):
        style = ButtonStyle.secondary if number else first
        row.add_item(ActionButton(action, draft_id, label=label, style=style).item)
    return row


def closed_view(words: str) -> LayoutView:
    """Return what a panel says once it is used up, with nothing to press."""
    container: Container[LayoutView] = Container(accent_colour=_COLOUR)
    container.add_item(TextDisplay(words[:_NOTE]))
    return LayoutView(timeout=None).add_item(container)


def panel_note(error_words: str) -> str:
    """Return the note about a refusal."""
    return f"⚠️ {error_words}"
