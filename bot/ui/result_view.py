"""The buttons and the menu of edits under a result."""

from __future__ import annotations

from discord import ButtonStyle, SelectOption
from discord.ui import View

from bot.core.translations import translate
from bot.storage.models import Job
from bot.ui.actions import ActionButton, ActionMenu
from bot.ui.buttons import OriginalButton
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
    "caption": Text("Add a caption …"),
    "emoji": Text("As an emoji"),
    "sticker": Text("As a sticker"),
}
SAMPLING, MODEL = "sampling", "model"  # in the same menu, though they make the GIF again
FINAL_EDITS = ("emoji", "sticker")  # for a place in Discord; what they make isn't edited further
_FIRST = (
    ("again", Text("Again")),
    ("vary_subtle", Text("Vary a little")),
    ("vary_strong", Text("Vary a lot")),
    ("longer", Text("Longer")),
    ("upscale", Text("Upscale")),
)
_SECOND = (
    ("edit", Text("Edit")),
    ("motion", Text("Motion of this")),
    ("favourite", Text("Favourite")),
    ("recipe", Text("Recipe")),
    ("delete", Text("Delete")),
)


_OF_MOTION = frozenset({"loop", "ping_pong", "reverse", "faster", "slower"})
"""Edits that a single frame has no use for."""


def result_view(
    job: Job, limits: ModelLimits, *, offers_original: bool, offers_models: bool = False
) -> View:
    """Return the buttons and the menu for a result; those that would have to refuse are left out.

    Works after a restart: everything hangs on the job's id. ``limits`` are those of its model.
    ``offers_original``: the posted file is a smaller copy. ``offers_models``: there are others.
    """
    view, refused = View(timeout=None), _refused(job.request, limits)
    for row, buttons in enumerate((_FIRST, _SECOND)):
        for action, label in buttons:
            if action not in refused:
                view.add_item(ActionButton(action, job.id, label=translate(label), row=row))
    if offers_original:
        button = OriginalButton(job.id)
        button.item.row = 3
        view.add_item(button)
    menu = _menu(job.id, moves=job.request.video_length > 1, row=2)
    menu.item.add_option(label=translate("Steps, sampler, control …"), value=SAMPLING)
    if offers_models:
        menu.item.add_option(label=translate("Another model …"), value=MODEL)
    view.add_item(menu)
    return view


def edit_view(edit_id: str, job: Job) -> View:
    """Return the menu that stands under an edit of a job's result, for further ones."""
    view = View(timeout=None)
    view.add_item(_menu(edit_id, moves=job.request.video_length > 1))
    return view


def _menu(target: str, *, moves: bool, row: int | None = None) -> ActionMenu:
    options = [
        SelectOption(label=translate(label), value=value)
        for value, label in EDITS.items()
        if moves or value not in _OF_MOTION
    ]
    return ActionMenu("more", target, placeholder=translate("More …"), options=options, row=row)


def _refused(request: Request, limits: ModelLimits) -> set[str]:
    """Return the actions that this model can't do to this GIF."""
    refused: set[str] = set()
    if request.video_length == 1:  # nothing moves that could be followed
        refused |= {"vary_subtle", "vary_strong", "motion"}
    if request.video_length >= limits.max_frames:
        refused.add("longer")
    width, height = output_size(request)
    if not limits.allows(2 * width, 2 * height):
        refused.add("upscale")
    return refused


def confirm_delete_view(job_id: str) -> View:
    """Return the button under the question whether to delete."""
    view = View(timeout=None)
    view.add_item(
        ActionButton(
            "delete_sure", job_id, label=translate("Yes, delete it"), style=ButtonStyle.danger
        )
    )
    return view
