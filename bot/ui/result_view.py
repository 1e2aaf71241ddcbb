"""The buttons under a result, the sheet behind *More*, and the menu of edits.

All hangs on the job's id, so it works after a restart, in messages of earlier versions too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from discord import ButtonStyle, Colour, SelectOption
from discord.ui import ActionRow, Container, LayoutView, TextDisplay, View

from bot.core.translations import translate
from bot.storage.models import Job
from bot.ui import embeds, wording
from bot.ui.actions import ActionButton, ActionMenu
from bot.ui.buttons import OriginalButton
from generator.contract.errors import FailureKind
from generator.contract.limits import ModelLimits
from generator.contract.messages import Request
from generator.contract.stages import output_size
from generator.contract.text import Text

EDITS = {
    "loop": Text("Make it loop"),
    "ping_pong": Text("There and back again"),
    "reverse": Text("Backwards"),
    "faster": Text("Twice as fast"),
    "slower": Text("Half as fast"),
    "square": Text("Crop to a square"),
    "caption": Text("Add a caption…"),
    "join": Text("Join to what came before"),
    "emoji": Text("As an emoji"),
    "sticker": Text("As a sticker"),
}
CONTINUED = "continue"  # how a clip came from one whose last frame it began from
SHEET = "actions"  # the action that opens the sheet
MAKE_AGAIN = "make_again"  # the action on a job that was interrupted
FINAL_EDITS = ("emoji", "sticker")  # for a place in Discord; what they make isn't edited further

_REMAKE = {
    "again": Text("Again"),
    "vary_subtle": Text("Vary a little"),
    "vary_strong": Text("Vary a lot"),
    "longer": Text("Longer"),
    "upscale": Text("Upscale"),
}
_MOTION = {
    "motion": Text("Motion of this"),
    "stretch": Text("Stretch"),
    "closed_loop": Text("Closed loop"),
    "continue": Text("Continue"),
}
_CHANGE = {"edit": Text("Edit")}
_RECIPE = {"recipe": Text("Recipe")}
_KEEP = {
    "favourite": Text("Favourite"),
    "share": Text("Share"),
    "add_emoji": Text("Add as emoji"),
    "add_sticker": Text("Add as sticker"),
    "delete": Text("Delete"),
}
_REPORT = {"report": Text("Report")}
_OF_SERVER = frozenset({"share", "add_emoji", "add_sticker"})
"""What can be done in a server alone."""
_FIRST = ("again", "vary_subtle", "motion", "edit")  # on the message itself, before More
_LABELS = {**_REMAKE, **_MOTION, **_CHANGE, **_RECIPE, **_KEEP, **_REPORT}

_OF_MOTION = frozenset({"loop", "ping_pong", "reverse", "faster", "slower"})
"""Edits that a single frame has no use for."""


def result_buttons(job: Job, limits: ModelLimits) -> list[ActionButton]:
    """Return at most five buttons for a result, the last of which opens the sheet.

    Those that would have to refuse are left out; ``limits`` are those of the job's model.
    """
    refused = refused_actions(job.request, limits)
    shown = [_button(action, job) for action in _FIRST if action not in refused]
    return [*shown, ActionButton(SHEET, job.id, label=translate("More"))]


def result_view(job: Job, limits: ModelLimits) -> View:
    """Return the buttons of a result for a message that has an embed."""
    view = View(timeout=None)
    for button in result_buttons(job, limits):
        view.add_item(button)
    return view


def action_sheet(job: Job, limits: ModelLimits, *, in_server: bool) -> LayoutView:
    """Return all that can be done with a result, in groups; what would be refused is left out."""
    refused = refused_actions(job.request, limits) | (set() if in_server else _OF_SERVER)

    def buttons(actions: Iterable[str]) -> Iterator[ActionButton]:
        return (_button(action, job) for action in actions if action not in refused)

    menu = _edit_menu(job.id, job)
    groups: list[tuple[str, Sequence[ActionRow[Any]]]] = [
        (translate("Remake"), [ActionRow(*buttons(_REMAKE))]),
        (translate("Edit"), [ActionRow(*buttons(_CHANGE))]),
        (
            translate("File"),
            [ActionRow(menu), ActionRow(OriginalButton(job.id), *buttons(_RECIPE))],
        ),
        (translate("Keep"), [ActionRow(*buttons(_KEEP)), ActionRow(*buttons(_REPORT))]),
    ]
    if "motion" not in refused:
        groups.insert(1, (translate("Motion"), [ActionRow(*buttons(_MOTION))]))
    box: Container[LayoutView] = Container(accent_colour=Colour.green())
    box.add_item(TextDisplay(_sheet_words(job)))
    for heading, actions in groups:
        box.add_item(TextDisplay(f"**{heading}**"))
        for row in actions:
            box.add_item(row)
    sheet = LayoutView(timeout=None)
    return sheet.add_item(box)


def _sheet_words(job: Job) -> str:
    words = [embeds.quote(job.request), f"-# {wording.made_line(job)}"]
    if negative := job.request.negative_prompt:
        label = translate("Negative prompt")
        words.append(f"-# {label}: {wording.excerpt(negative)}")
    return "\n".join(words)


def _button(action: str, job: Job) -> ActionButton:
    return ActionButton(action, job.id, label=translate(_LABELS[action]))


def edit_view(edit_id: str, job: Job) -> View:
    """Return the menu that stands under an edit of a job's result, for further ones."""
    view = View(timeout=None)
    view.add_item(_edit_menu(edit_id, job))
    return view


def _edit_menu(target: str, job: Job) -> ActionMenu:
    left_out = set(_OF_MOTION) if job.request.video_length == 1 else set()
    if job.origin.relation != CONTINUED:
        left_out.add("join")
    options = [
        SelectOption(label=translate(label), value=value)
        for value, label in EDITS.items()
        if value not in left_out
    ]
    return ActionMenu("more", target, placeholder=translate("More…"), options=options)


def refused_actions(request: Request, limits: ModelLimits) -> set[str]:
    """Return the actions that this model can't do to this GIF."""
    refused: set[str] = set()
    if request.video_length == 1:  # nothing moves that could be followed
        refused |= {"vary_subtle", "vary_strong", *_MOTION}
    if request.video_length >= limits.max_clip_frames:
        refused |= {"longer", "stretch"}
    if limits.max_clip_frames <= request.window:
        refused |= {"stretch", "closed_loop"}
    width, height = output_size(request)
    if not limits.allows(2 * width, 2 * height):
        refused.add("upscale")
    return refused


def may_be_resumed(job: Job) -> bool:
    """Return whether its owner is offered to have it made again: a backup had it unfinished."""
    return job.failure_kind is FailureKind.INTERRUPTED


def make_again_view(job: Job) -> View:
    """Return the button under the word that a job was interrupted."""
    view = View(timeout=None)
    view.add_item(ActionButton(MAKE_AGAIN, job.id, label=translate("Make it again")))
    return view


def confirm_delete_view(job_id: str) -> View:
    """Return the button under the question whether to delete."""
    view = View(timeout=None)
    view.add_item(
        ActionButton(
            "delete_sure", job_id, label=translate("Yes, delete it"), style=ButtonStyle.danger
        )
    )
    return view
