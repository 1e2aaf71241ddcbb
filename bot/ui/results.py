"""What stands under a result: the buttons, and the menu of edits that need no model."""

from __future__ import annotations

from discord import ButtonStyle, SelectOption
from discord.ui import View

from bot.ui.actions import ActionButton, ActionMenu
from bot.ui.buttons import MasterButton

EDITS = {
    "loop": "Make it loop",
    "ping_pong": "There and back again",
    "reverse": "Backwards",
    "faster": "Twice as fast",
    "slower": "Half as fast",
    "square": "Crop to a square",
    "caption": "Write on it …",
    "emoji": "As an emoji",
    "sticker": "As a sticker",
}
_FIRST = (
    ("again", "Again"),
    ("vary_subtle", "Vary a little"),
    ("vary_strong", "Vary a lot"),
    ("longer", "Longer"),
    ("edit", "Edit"),
)
_SECOND = (
    ("motion", "Motion of this"),
    ("favourite", "Favourite"),
    ("recipe", "Recipe"),
    ("delete", "Delete"),
)


def result_view(job_id: str, *, offers_master: bool) -> View:
    """Works after a restart: everything hangs on the job's id. ``offers_master``: the posted file
    is a smaller copy.
    """
    view = View(timeout=None)
    for row, buttons in enumerate((_FIRST, _SECOND)):
        for action, label in buttons:
            view.add_item(ActionButton(action, job_id, label=label, row=row))
    if offers_master:
        button = MasterButton(job_id)
        button.item.row = 1
        view.add_item(button)
    options = [SelectOption(label=label, value=value) for value, label in EDITS.items()]
    view.add_item(ActionMenu("more", job_id, placeholder="More …", options=options, row=2))
    return view


def sure_view(job_id: str) -> View:
    """Stands under the question whether to delete."""
    view = View(timeout=None)
    view.add_item(
        ActionButton("delete_sure", job_id, label="Yes, delete it", style=ButtonStyle.danger)
    )
    return view
