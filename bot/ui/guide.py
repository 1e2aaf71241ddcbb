"""The pages of /help: what an option does, in a sentence and a picture that the bot made.

The pictures are made by ``python -m tools.help_pictures`` from the figures that stand here, so that
words and pictures say the same. A page whose picture isn't there has its words alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from generator.contract.text import Text

PICTURES = Path(__file__).parent / "pictures"
SIZES = ("tall", "square", "wide")
FRAMES = (4, 8, 16)
STEPS = (1, 7, 30)
GUIDANCES = (1.0, 1.7, 6.0)
IMAGE_STRENGTHS = (0.3, 0.55, 0.85)
EDITS = ("reverse", "ping_pong", "loop")


@dataclass(frozen=True, slots=True)
class Page:
    """A page of /help; ``name`` is the option's, and the picture's."""

    name: str
    words: Text

    @property
    def picture(self) -> Path:
        return PICTURES / f"{self.name}.gif"


PAGES = (
    Page(
        "size",
        Text("The size and shape of the GIF. Here: tall, square and wide; there are seven in all."),
    ),
    Page(
        "frames",
        Text(
            "How many frames it has: more frames look smoother but take longer. Here: {few}, "
            "{usual} and {many}.",
            few=FRAMES[0],
            usual=FRAMES[1],
            many=FRAMES[2],
        ),
    ),
    Page(
        "steps",
        Text(
            "How many times it is refined: few steps leave it rough, many take longer. Here: "
            "{few}, {some} and {many}.",
            few=STEPS[0],
            some=STEPS[1],
            many=STEPS[2],
        ),
    ),
    Page(
        "guidance",
        Text(
            "How closely it follows the prompt: too low and it wanders off, too high and it "
            "looks overdone. Here: {low:g}, {usual:g} and {high:g}.",
            low=GUIDANCES[0],
            usual=GUIDANCES[1],
            high=GUIDANCES[2],
        ),
    ),
    Page(
        "seed",
        Text(
            "The same prompt with three seeds. The same seed and settings make the same GIF again."
        ),
    ),
    Page(
        "lora",
        Text(
            "A look that the model doesn't know. Here: the same seed without a LoRA and with one."
        ),
    ),
    Page(
        "control_gif",
        Text(
            "Motion from your own GIF: on the left the GIF that was attached, on the right "
            "the one that moves like it."
        ),
    ),
    Page(
        "image",
        Text(
            "A picture the GIF starts from. Here: the picture, and what is left of it at an "
            "image strength of {little:g}, {some:g} and {much:g}, which the panel asks for. "
            "Upscale starts from a whole GIF.",
            little=IMAGE_STRENGTHS[0],
            some=IMAGE_STRENGTHS[1],
            much=IMAGE_STRENGTHS[2],
        ),
    ),
    Page(
        "edits",
        Text(
            "The menu behind More edits a result without making a new one. Here: as it was made, "
            "backwards, there and back again, and made to loop."
        ),
    ),
)
BY_NAME = {page.name: page for page in PAGES}
