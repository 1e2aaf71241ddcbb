"""A page to choose from: a GIF of each thing on it, a line of each, and a menu. Pure.

A thing whose GIF isn't there has a dash where others have the number of their picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from discord import Colour, SelectOption
from discord.ui import ActionRow, Container, LayoutView, MediaGallery, TextDisplay

from bot.core.translations import translate
from bot.ui.actions import ActionButton, ActionMenu
from bot.ui.result_layout import ShownFile
from bot.ui.wording import shorten

PAGE_SIZE = 4
_LINE = 500  # characters; all texts of a message may have 4,000


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhibit:
    """One thing to choose: its ``value`` in the menu, its name, its line, and its GIF.

    ``note`` says why there is no GIF.
    """

    value: str
    name: str
    line: str
    file: ShownFile | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowsePage:
    """A page of things of one ``kind``, which its actions are named by; pages count from 0."""

    kind: str
    title: str
    exhibits: Sequence[Exhibit]
    number: int = 0
    has_more: bool = False
    empty: str = ""


def page_target(draft_id: str, number: int) -> str:
    """Return what a page's controls act on: a panel's draft, and the page."""
    return f"{draft_id}p{number}"


def parse_target(target: str) -> tuple[str, int]:
    """Return the draft and the page of a control, which anybody may have forged."""
    draft_id, _, number = target.partition("p")
    return draft_id, int(number) if number.isascii() and number.isdigit() else 0


def browse_view(
    draft_id: str, page: BrowsePage, others: Sequence[tuple[str, str]] = ()
) -> LayoutView:
    """Return a page; ``others`` are the actions and labels of further buttons."""
    box: Container[LayoutView] = Container(accent_colour=Colour.blurple())
    box.add_item(TextDisplay(f"### {page.title}"))
    shown = [each.file.item for each in page.exhibits if each.file is not None]
    if shown:
        box.add_item(MediaGallery(*shown))
    box.add_item(TextDisplay("\n".join(_lines(page.exhibits)) or page.empty))
    if page.exhibits:
        options = [
            SelectOption(label=shorten(each.name, 100), value=each.value) for each in page.exhibits
        ]
        pick = ActionMenu(
            f"panel_{page.kind}_pick",
            page_target(draft_id, page.number),
            placeholder=translate("Choose one…"),
            options=options,
        )
        box.add_item(ActionRow(pick.item))
    box.add_item(ActionRow(*(button.item for button in _buttons(draft_id, page, others))))
    return LayoutView(timeout=None).add_item(box)


def _lines(exhibits: Sequence[Exhibit]) -> list[str]:
    lines, number = [], 0
    for each in exhibits:
        number += each.file is not None
        mark = f"`{number}`" if each.file is not None else "`-`"
        note = f"\n-# {each.note}" if each.note else ""
        lines.append(f"{mark} {shorten(each.line, _LINE)}{note}")
    return lines


def _buttons(
    draft_id: str, page: BrowsePage, others: Sequence[tuple[str, str]]
) -> list[ActionButton]:
    """Return the buttons; "look again" is there where a GIF isn't yet."""
    turn = f"panel_{page.kind}_page"
    buttons = []
    if page.number:
        before = page_target(draft_id, page.number - 1)
        buttons.append(ActionButton(turn, before, label=translate("◀ Back")))
    if page.has_more:
        after = page_target(draft_id, page.number + 1)
        buttons.append(ActionButton(turn, after, label=translate("More ▶")))
    if any(each.file is None for each in page.exhibits):
        here = page_target(draft_id, page.number)
        buttons.append(ActionButton(turn, here, label=translate("Look again")))
    return [*buttons, *(ActionButton(action, draft_id, label=label) for action, label in others)]
