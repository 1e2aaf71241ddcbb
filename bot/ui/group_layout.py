"""One message for a command's variations: their GIFs in a gallery, and what can be done with each.

What it looks like follows from the jobs and from what stands in the message; nothing is kept here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from discord import Colour, SelectOption
from discord.ui import ActionRow, Container, LayoutView, MediaGallery, TextDisplay

from bot.core.model_settings import label_of
from bot.core.translations import translate
from bot.storage.models import Job, State
from bot.ui import embeds, wording
from bot.ui.actions import ActionButton, ActionMenu
from bot.ui.appeal_message import ask_button
from bot.ui.result_layout import ShownFile, owner_of, result_layout
from bot.ui.result_view import MAKE_AGAIN, SHEET, may_be_resumed, refused_actions
from generator.contract.limits import ModelLimits
from generator.contract.text import Text

CANCEL_GROUP = "cancel_group"  # the action that cancels what isn't over
NOTE_IDS = 100  # a note on the GIF at place 3 is the component with id 103

_ROWS = {
    "upscale": Text("Upscale {number}"),
    "vary_subtle": Text("Vary {number}"),
    "favourite": Text("Keep {number}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """One job of the message: its ``file`` there, if any; else ``words`` say how far it is."""

    job: Job
    file: ShownFile | None = None
    preview: ShownFile | None = None
    words: str = ""
    note: str = ""  # what the file had to give up

    @property
    def place(self) -> int:
        """Its number, as the buttons say it."""
        return self.job.origin.group_place


def group_layout(variations: Sequence[Variation], limits: ModelLimits) -> LayoutView:
    """Return the components of the message of these variations, at least one.

    In the language that is being spoken (``bot.core.translations``).
    """
    made = [each for each in variations if each.file is not None]
    if len(variations) == 1 and made and made[0].file is not None:
        return result_layout(made[0].job, limits, made[0].file, note=made[0].note)
    unfinished = any(not each.job.state.is_final and each.file is None for each in variations)
    colour = Colour.blurple() if unfinished else Colour.green()
    box: Container[LayoutView] = Container(accent_colour=colour)
    shown = [each.file or each.preview for each in variations]
    items = [file.item for file in shown if file is not None]
    if items:
        box.add_item(MediaGallery(*items))
    box.add_item(TextDisplay(_words(variations, made)))
    for each in made:
        if each.note:
            note = f"-# {each.place}: {each.note}"
            box.add_item(TextDisplay(note, id=NOTE_IDS + each.place))
    for row in _rows(made, limits):
        box.add_item(row)
    if offered := [each for each in variations if not each.file and may_be_resumed(each.job)]:
        box.add_item(_row([_make_again(each) for each in offered]))
    if withheld := [each for each in variations if each.job.withheld]:
        box.add_item(_row([ask_button(each.job, each.place) for each in withheld]))
    last = [ActionButton("again", made[0].job.id, label=translate("Again"))] if made else []
    if unfinished:
        group_id = variations[0].job.origin.group_id or ""
        last.append(ActionButton(CANCEL_GROUP, group_id, label=translate("Cancel")))
    if last:
        box.add_item(_row(last))
    layout = LayoutView(timeout=None)
    return layout.add_item(box)


def outcome(job: Job) -> str:
    """Return what a message says of a variation that has no GIF, and won't have one there."""
    mark = translate("Job {job}", job=job.id[:12])  # by which a later start knows it was said
    if job.state is State.CANCELLED:
        return f"{translate('🚫 Cancelled.')} {mark}"
    if job.state is State.FAILED:
        return f"❌ {wording.excerpt(wording.failure_reason(job), 600)} {mark}"
    return wording.ended_elsewhere(job)


def _row(items: Sequence[Any]) -> ActionRow[Any]:
    return ActionRow(*items)


def _words(variations: Sequence[Variation], made: Sequence[Variation]) -> str:
    first = variations[0].job
    words = [owner_of(first), embeds.quote_with_hint(first.request)]
    about = (wording.settings_line(first.request), wording.made_with(first))
    model = label_of(first.model)
    words.append(f"-# {' · '.join(filter(None, (*about, model)))}")
    if made:
        seeds = [_seed(each.job) for each in made]
        words.append(f"-# {' · '.join(seeds)}")
    words += [
        f"**{each.place}** {' '.join(each.words.split())}"
        for each in variations
        if each.file is None
    ]
    return "\n".join(words)


def _make_again(variation: Variation) -> ActionButton:
    label = translate("Make {number} again", number=variation.place)
    return ActionButton(MAKE_AGAIN, variation.job.id, label=label)


def _seed(job: Job) -> str:
    seed = translate("seed `{seed}`", seed=job.request.seed)
    return f"{job.origin.group_place}: {seed}"


def variation_menu(action: str, jobs: Sequence[Job], placeholder: str) -> ActionMenu:
    """Return a menu that does something with one of the variations of a message."""
    options = [SelectOption(label=_seed(job).replace("`", ""), value=job.id) for job in jobs]
    group_id = jobs[0].origin.group_id or ""
    return ActionMenu(action, group_id, placeholder=placeholder, options=options)


def _rows(made: Sequence[Variation], limits: ModelLimits) -> Iterator[ActionRow[Any]]:
    """Yield a row for each thing that can be done with one, and a menu that opens its sheet."""
    for action, label in _ROWS.items():
        buttons = [
            ActionButton(action, each.job.id, label=translate(label.with_values(number=each.place)))
            for each in made
            if action not in refused_actions(each.job.request, limits)
        ]
        if buttons:
            yield _row(buttons)
    if made:
        jobs = [each.job for each in made]
        yield ActionRow(variation_menu(SHEET, jobs, translate("More…")))
