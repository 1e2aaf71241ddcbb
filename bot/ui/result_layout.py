"""A posted result: a container with the GIF in a gallery, what made it, and what to do with it.

The GIF stays a file of the message, which the gallery shows by its name.
"""

from __future__ import annotations

from dataclasses import dataclass

from discord import Colour, MediaGalleryItem
from discord.ui import ActionRow, Container, LayoutView, MediaGallery, TextDisplay

from bot.storage.models import Job
from bot.ui import embeds, wording
from bot.ui.result_view import result_buttons
from generator.contract.limits import ModelLimits

SPOILER = "SPOILER_"  # how the name of a covered file begins, as discord.py writes it


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file of the message by its name there, and its description for those who hear it."""

    name: str
    description: str

    @property
    def item(self) -> MediaGalleryItem:
        """The file as a gallery shows it; a covered one stays covered."""
        return MediaGalleryItem(
            f"attachment://{self.name}",
            description=self.description,
            spoiler=self.name.startswith(SPOILER),
        )


def result_layout(job: Job, limits: ModelLimits, file: ShownFile, *, note: str = "") -> LayoutView:
    """Return the components of a result's message; ``note`` says what the file had to give up.

    In the language that is being spoken (``bot.core.translations``).
    """
    words = [owner_of(job), embeds.quote_with_hint(job.request), f"-# {wording.made_line(job)}"]
    if note:
        words.append(f"-# {note}")
    box: Container[LayoutView] = Container(accent_colour=Colour.green())
    box.add_item(MediaGallery(file.item))
    box.add_item(TextDisplay("\n".join(words)))
    box.add_item(ActionRow(*result_buttons(job, limits)))
    layout = LayoutView(timeout=None)
    return layout.add_item(box)


def owner_of(job: Job) -> str:
    """Return the mention of whose GIF it is; the client allows no mention to ping."""
    return f"<@{job.origin.user_id}>"
