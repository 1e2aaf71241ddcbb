"""What stands under a result: the buttons, and the menu of edits that need no model."""

from __future__ import annotations

from discord import ButtonStyle, SelectOption
from discord.ui import View

from bot.ui.actions import ActionButton, ActionMenu
from bot.ui.buttons import MasterButton
from bot.words import say
from generator.words import Words

EDITS = {
    "loop": Words("Make it loop"),
    "ping_pong": Words("There and back again"),
    "reverse": Words("Backwards"),
    "faster": Words("Twice as fast"),
    "slower": Words("Half as fast"),
    "square": Words("Crop to a square"),
    "caption": Words("Add a caption …"),
    "emoji": Words("As an emoji"),
    "sticker": Words("As a sticker"),
}
_FIRST = (
    ("again", Words("Again")),
    ("vary_subtle", Words("Vary a little")),
    ("vary_strong", Words("Vary a lot")),
    ("longer", Words("Longer")),
    ("upscale", Words("Upscale")),
)
_SECOND = (
    ("edit", Words("Edit")),
    ("motion", Words("Motion of this")),
    ("favourite", Words("Favourite")),
    ("recipe", Words("Recipe")),
    ("delete", Words("Delete")),
)


def result_view(job_id: str, *, offers_master: bool) -> View:
    """Works after a restart: everything hangs on the job's id. ``offers_master``: the posted file
    is a smaller copy.
    """
    view = View(timeout=None)
    for row, buttons in enumerate((_FIRST, _SECOND)):
        for action, label in buttons:
            view.add_item(ActionButton(action, job_id, label=say(label), row=row))
    if offers_master:
        button = MasterButton(job_id)
        button.item.row = 3
        view.add_item(button)
    options = [SelectOption(label=say(label), value=value) for value, label in EDITS.items()]
    view.add_item(ActionMenu("more", job_id, placeholder=say("More …"), options=options, row=2))
    return view


def sure_view(job_id: str) -> View:
    """Stands under the question whether to delete."""
    view = View(timeout=None)
    view.add_item(
        ActionButton("delete_sure", job_id, label=say("Yes, delete it"), style=ButtonStyle.danger)
    )
    return view
