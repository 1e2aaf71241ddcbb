"""What the GIF shows, and its shape. Goes on in ``generator.contract.options.sampling``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from generator.contract.bounds import (
    FRAMES_LABEL,
    MAX_DURATION_MS,
    MAX_FRAMES,
    MAX_PROMPT_CHARACTERS,
    MIN_FRAME_MS,
    USUAL_CLIP_FRAMES,
)
from generator.contract.options.spec import (
    NO_SETTING,
    Flag,
    FlagGroup,
    FormField,
    Group,
    Kind,
    OptionSpec,
    Setting,
    Slash,
)
from generator.contract.text import Text
from generator.contract.windows import MIN_WINDOW, MOTIONS, USUAL_WINDOW

if TYPE_CHECKING:
    from generator.contract.limits import ModelLimits

DEFAULT_SIZE = "square"
DEFAULT_DURATION = 1000  # milliseconds

_NUMBER_CHARACTERS = 8  # of a form's field


def default_frames(limits: ModelLimits) -> int:
    """Return how many frames a GIF has where nobody says it."""
    return min(USUAL_WINDOW, limits.max_frames)


# Without slots, here and in what extends it: typing marks instances of a generic class.
@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """What was given of the picture."""

    prompt: str | None = OptionSpec(
        kind=Kind.TEXT,
        label=Text("prompt"),
        field="prompt",
        subject=Text("The prompt"),
        bounds=lambda _: (1, MAX_PROMPT_CHARACTERS),
        default=lambda _: "",
        slash=Slash(Text("What the GIF shows.")),
        form=FormField(group=Group.WORDS, label=Text("Prompt"), long=True),
        flag=Flag(
            name="--prompt",
            group=FlagGroup.PICTURE,
            help="what to show; (word:1.3) weighs more; '0: a red ball | 4: a blue ball' "
            "changes at frame 4, with '~4:' gradually until then",
            leads=True,
        ),
    ).declared
    size: str | None = OptionSpec(
        kind=Kind.CHOICE,
        label=Text("size"),
        choices=lambda limits: {size.name: size.label for size in limits.sizes},
        refusal=Text("There is no size {name!r}; choose one of {known}."),
        slash=Slash(
            lambda limits: Text(
                "Its size and shape (default: {size}).", size=limits.size(DEFAULT_SIZE).label
            ),
            choices=lambda limits: {size.name: size.full_label for size in limits.sizes},
        ),
        mine=Setting(Text("The size and shape."), leads=True),
        form=FormField(group=Group.SHAPE),
    ).declared
    width: int | None = OptionSpec(
        kind=Kind.WHOLE_NUMBER,
        field="width",
        subject=Text("The width"),
        bounds=lambda limits: (limits.min_edge, limits.max_edge),
        default=lambda limits: limits.size(DEFAULT_SIZE).width,
        flag=Flag(
            name="--width",
            group=FlagGroup.PICTURE,
            help="pixels, a multiple of 8 (default: the model's size; 128 for nano)",
        ),
    ).declared
    height: int | None = OptionSpec(
        kind=Kind.WHOLE_NUMBER,
        field="height",
        subject=Text("The height"),
        bounds=lambda limits: (limits.min_edge, limits.max_edge),
        default=lambda limits: limits.size(DEFAULT_SIZE).height,
        flag=Flag(name="--height", group=FlagGroup.PICTURE, help="pixels, like --width"),
    ).declared
    frames: int | None = OptionSpec(
        kind=Kind.WHOLE_NUMBER,
        label=Text("frames"),
        field="video_length",
        subject=FRAMES_LABEL,
        bounds=lambda limits: (1, limits.max_clip_frames),
        default=default_frames,
        slash=Slash(
            lambda limits: Text(
                "How many frames it has (default: {frames}).", frames=default_frames(limits)
            ),
        ),
        server=Setting(
            label=Text("most frames"),
            description=Text(
                "The most frames a GIF may have here (0: as many as the model can make)."
            ),
            lowest=0,
            is_default=False,
        ),
        form=FormField(group=Group.SHAPE, label=Text("Frames"), longest=_NUMBER_CHARACTERS),
        flag=Flag(
            name="--video-length",
            group=FlagGroup.PICTURE,
            help=f"frames, 1 to {USUAL_CLIP_FRAMES} (default: 8, and 1 for .jpg); for more than "
            f"{MAX_FRAMES} see --motion",
        ),
    ).declared
    motion: str | None = OptionSpec(
        kind=Kind.CHOICE,
        label=Text("motion"),
        field="motion",
        choices=lambda _: MOTIONS,
        refusal=Text("There is no motion {name!r}; choose one of {known}."),
        slash=Slash(
            Text("How a clip goes on that is longer than the model makes at once."),
        ),
        form=FormField(group=Group.SHAPE),
        flag=Flag(
            name="--motion",
            group=FlagGroup.PICTURE,
            help="how a clip longer than --window is made: continue: what repeats keeps repeating; "
            "stretch: one motion over all frames; loop: the last frame joins the first (default: "
            f"continue beyond {MAX_FRAMES} frames, else all frames at once, as with none)",
            takes_none=True,
        ),
    ).declared
    window: int | None = OptionSpec(
        kind=Kind.WHOLE_NUMBER,
        field="window",
        subject=Text("The window"),
        bounds=lambda limits: (MIN_WINDOW, max(USUAL_WINDOW, limits.max_frames)),
        default=lambda limits: max(MIN_WINDOW, default_frames(limits)),
        flag=Flag(
            name="--window",
            group=FlagGroup.PICTURE,
            help="with --motion, how many frames the model sees at once, "
            f"{MIN_WINDOW} to {MAX_FRAMES} (default: {USUAL_WINDOW})",
        ),
    ).declared
    duration: int | None = OptionSpec(
        kind=Kind.WHOLE_NUMBER,
        label=Text("duration"),
        field="video_duration",
        subject=Text("The duration in milliseconds"),
        bounds=lambda _: (MIN_FRAME_MS, MAX_DURATION_MS),
        lowest_in=lambda request: MIN_FRAME_MS * request.video_length,
        default=lambda _: DEFAULT_DURATION,
        unit="ms",
        slash=Slash(
            Text(
                "How long it lasts, in milliseconds (default: {duration}).",
                duration=DEFAULT_DURATION,
            ),
        ),
        form=FormField(
            group=Group.SHAPE,
            label=Text("Duration in milliseconds"),
            longest=_NUMBER_CHARACTERS,
        ),
        flag=Flag(
            name="--video-duration",
            group=FlagGroup.PICTURE,
            help="milliseconds for all frames together (default: 1000)",
            metavar="MS",
        ),
    ).declared
    negative_prompt: str | None = OptionSpec(
        kind=Kind.TEXT,
        label=Text("negative prompt"),
        field="negative_prompt",
        subject=Text("The negative prompt"),
        bounds=lambda _: (0, MAX_PROMPT_CHARACTERS),
        slash=Slash(Text("What it should not show.")),
        mine=Setting(
            Text("What none of your GIFs should show ({none}: nothing).", none=NO_SETTING),
            lowest=1,
            leads=True,
        ),
        form=FormField(group=Group.WORDS, label=Text("What it should not show"), long=True),
        flag=Flag(
            name="--negative-prompt",
            group=FlagGroup.PICTURE,
            help='what not to show; "" is a text without words, as in the original (default: '
            "none at all, which most models were trained with)",
            leads=True,
        ),
    ).declared
