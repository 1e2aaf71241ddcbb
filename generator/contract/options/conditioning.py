"""The files that a GIF follows or begins from: LoRAs, a control GIF, a picture.

None of them is one value of a request: ``bot.commands.gif`` and ``generator.cli.gif_request`` say
what they mean. Goes on in ``generator.contract.options.gif_options``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from generator.contract.bounds import (
    IMAGE_STRENGTH_LABEL,
    MAX_CONTROL_SCALE,
    MAX_LORA_STRENGTH,
    MIN_IMAGE_STRENGTH,
)
from generator.contract.control_types import ANNOTATORS, AUTO, CONTROL_TYPES
from generator.contract.declared_limits import IMAGE_STRENGTH
from generator.contract.messages import Lora
from generator.contract.options.sampling import SamplingOptions
from generator.contract.options.spec import (
    FILES_A_FIELD,
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

DEFAULT_CONTROL_STRENGTH = 1.0
MAX_CONTROL_PICTURES = 30
LORA_STRENGTH_LABEL = Text("The LoRA's strength")

FileT = TypeVar("FileT")

_MAX_LINK_CHARACTERS = 2000
_NUMBER_CHARACTERS = 8  # of a form's field
_KEYS_CHARACTERS = 500  # of one for numbers by frame


@dataclass(frozen=True, kw_only=True)
class ConditioningOptions(SamplingOptions, Generic[FileT]):
    """What was given of all that, and of the files that a GIF follows or begins from."""

    lora: str | None = OptionSpec(
        kind=Kind.LORA,
        label=Text("LoRA"),
        slash=Slash(Text("One of your LoRAs, or a shared one.")),
        server=Setting(
            Text("The LoRA for everyone who chooses none ({none}: no LoRA).", none=NO_SETTING),
        ),
        form=FormField(group=Group.LORAS),
    ).declared
    lora_strength: float | None = OptionSpec(
        kind=Kind.NUMBER,
        label=Text("LoRA strength"),
        subject=LORA_STRENGTH_LABEL,
        bounds=lambda _: (-MAX_LORA_STRENGTH, MAX_LORA_STRENGTH),
        slash=Slash(Text("How strong its effect is (default: as its owner set it).")),
        form=FormField(group=Group.LORAS, longest=_NUMBER_CHARACTERS),
    ).declared
    lora_2: str | None = OptionSpec(
        kind=Kind.LORA,
        label=Text("LoRA 2"),
        form=FormField(group=Group.LORAS, description=Text("A second LoRA.")),
    ).declared
    lora_2_strength: float | None = OptionSpec(
        kind=Kind.NUMBER,
        label=Text("LoRA 2 strength"),
        subject=LORA_STRENGTH_LABEL,
        bounds=lambda _: (-MAX_LORA_STRENGTH, MAX_LORA_STRENGTH),
        form=FormField(
            group=Group.LORAS,
            description=Text(
                "How strong the second LoRA's effect is (default: as its owner set it)."
            ),
            longest=_NUMBER_CHARACTERS,
        ),
    ).declared
    loras: tuple[Lora, ...] | None = OptionSpec(
        kind=Kind.LORA,
        field="loras",
        flag=Flag(
            name="--lora",
            group=FlagGroup.MODEL,
            help="a LoRA's file, directory or hub id (default strength: 1); repeat the flag "
            "for more; none: leave out the recipe's",
            metavar="PATH[:STRENGTH]",
            given="again",
            takes_none=True,
        ),
    ).declared
    control_gif: FileT | None = OptionSpec(
        kind=Kind.FILE,
        label=Text("control GIF"),
        slash=Slash(Text("A GIF or video whose motion your GIF should follow.")),
        form=FormField(group=Group.MOTION),
        flag=Flag(
            name="--gif",
            group=FlagGroup.CONTROL,
            help="what to follow: a GIF, WebP, PNG, MP4 or WebM, a directory of frames, or a link; "
            "without a type it is ignored",
            metavar="SOURCE",
            given="once",
        ),
    ).declared
    control_link: str | None = OptionSpec(
        kind=Kind.TEXT,
        label=Text("control link"),
        bounds=lambda _: (1, _MAX_LINK_CHARACTERS),
        form=FormField(
            group=Group.MOTION,
            description=Text("Or a link to one, for example to a GIF from Discord's GIF picker."),
            longest=_MAX_LINK_CHARACTERS,
        ),
    ).declared
    control_pictures: FileT | None = OptionSpec(
        kind=Kind.FILES,
        label=Text("control pictures"),
        bounds=lambda _: (2, MAX_CONTROL_PICTURES),
        form=FormField(
            group=Group.PICTURES,
            description=Text("Pictures whose motion your GIF should follow, in their order."),
            uploads=MAX_CONTROL_PICTURES // FILES_A_FIELD,
        ),
    ).declared
    control_type: tuple[str, ...] | None = OptionSpec(
        kind=Kind.CHOICE,
        label=Text("control type"),
        choices=lambda _: CONTROL_TYPES,
        refusal=Text("There is no control type {name!r}; choose one of {known}."),
        slash=Slash(
            Text("What to follow in it; leave this out to see the contact sheet first."),
        ),
        form=FormField(group=Group.MOTION, label=Text("What to follow")),
        flag=Flag(
            name="--control-type",
            group=FlagGroup.CONTROL,
            help="canny: keeps the outlines, so a square stays a square; depth: keeps shapes "
            "and distances; loose: depth at 0.7 of its strength and for 0.7 of the steps, "
            "so it keeps only what moves where, and the prompt decides the shape; or a "
            "ControlNet's directory, file or hub id; none: follow nothing, even if the "
            "recipe does",
            metavar="TYPE",
            given="again",
            takes_none=True,
            leads=True,
        ),
    ).declared
    control_type_2: str | None = OptionSpec(
        kind=Kind.CHOICE,
        label=Text("control type 2"),
        choices=lambda _: CONTROL_TYPES,
        refusal=Text("There is no control type {name!r}; choose one of {known}."),
        form=FormField(
            group=Group.FINE,
            label=Text("Second ControlNet"),
            description=Text("What else to follow in the GIF that it follows."),
        ),
    ).declared
    control_strength: tuple[float | str, ...] | None = OptionSpec(
        kind=Kind.NUMBER,
        label=Text("control strength"),
        subject=Text("The control strength"),
        bounds=lambda _: (0, MAX_CONTROL_SCALE),
        form=FormField(
            group=Group.MOTION,
            label=Text("How closely to follow it (0 to 5)"),
            description=Text(
                "How closely the control GIF is followed (default: {strength:g}), or by frame: "
                "0: 1 | 5: 0",
                strength=DEFAULT_CONTROL_STRENGTH,
            ),
            longest=_KEYS_CHARACTERS,
        ),
        flag=Flag(
            name="--controlnet-conditioning-scale",
            group=FlagGroup.CONTROL,
            help="strength (default: the model's; 0.7), or by frame: '0: 1.0 | 5: 0'",
            given="again",
            by_frame=True,
        ),
    ).declared
    control_start: tuple[float, ...] | None = OptionSpec(
        kind=Kind.NUMBER,
        subject=Text("The ControlNet's start"),
        bounds=lambda _: (0, 1),
        flag=Flag(
            name="--control-guidance-start",
            group=FlagGroup.CONTROL,
            help="from which fraction of the steps on (default: 0)",
            given="again",
        ),
    ).declared
    control_end: tuple[float, ...] | None = OptionSpec(
        kind=Kind.NUMBER,
        subject=Text("The ControlNet's end"),
        bounds=lambda _: (0, 1),
        flag=Flag(
            name="--control-guidance-end",
            group=FlagGroup.CONTROL,
            help="up to which fraction (default: 1)",
            given="again",
        ),
    ).declared
    control_annotator: tuple[str, ...] | None = OptionSpec(
        kind=Kind.CHOICE,
        choices=lambda _: {name: name for name in (AUTO, *ANNOTATORS)},
        flag=Flag(
            name="--control-annotator",
            group=FlagGroup.CONTROL,
            help="what turns the source's frames into the ControlNet's input; none: use them "
            "as they are (default: auto, the one that suits the type)",
            given="again",
        ),
    ).declared
    image: FileT | None = OptionSpec(
        kind=Kind.FILE,
        label=Text("image"),
        slash=Slash(
            Text("A picture to start from; it also sets the shape unless you choose a size."),
        ),
        form=FormField(group=Group.START),
        flag=Flag(
            name="--image",
            group=FlagGroup.IMAGE,
            help="what the frames begin from: one picture for all, or a GIF or video with one "
            "for each; a file, a directory of frames or a link, scaled to fill and "
            "cropped to its middle; none: leave out the recipe's",
            metavar="SOURCE",
            given="once",
            takes_none=True,
        ),
    ).declared
    image_link: str | None = OptionSpec(
        kind=Kind.TEXT,
        label=Text("image link"),
        bounds=lambda _: (1, _MAX_LINK_CHARACTERS),
        form=FormField(
            group=Group.START,
            description=Text("Or a link to one, on an allowed site."),
            longest=_MAX_LINK_CHARACTERS,
        ),
    ).declared
    image_strength: float | None = OptionSpec(
        kind=Kind.NUMBER,
        label=Text("image strength"),
        field="image_strength",
        subject=IMAGE_STRENGTH_LABEL,
        bounds=lambda _: (MIN_IMAGE_STRENGTH, 1),
        mine=Setting(
            lambda limits: Text(
                "How far GIFs may stray from the picture (0: the usual {strength:g}).",
                strength=limits.image_strength,
            ),
            lowest=0,
        ),
        form=FormField(
            group=Group.START,
            description=lambda limits: Text(
                "How far it may stray from the picture (default: {strength:g}).",
                strength=limits.image_strength,
            ),
            longest=_NUMBER_CHARACTERS,
        ),
        flag=Flag(
            name="--image-strength",
            group=FlagGroup.IMAGE,
            help=f"how far the frames may stray from it, {MIN_IMAGE_STRENGTH} to 1 (default: "
            f"the model's; {IMAGE_STRENGTH})",
        ),
    ).declared
    keep_frames: int | None = OptionSpec(
        kind=Kind.WHOLE_NUMBER,
        field="kept_frames",
        subject=Text("The number of frames kept"),
        bounds=lambda limits: (0, limits.max_clip_frames),
        default=lambda _: 0,
        flag=Flag(
            name="--keep-frames",
            group=FlagGroup.IMAGE,
            help="keep its first N frames as they are, and make those that follow (default: 0, "
            "which makes all frames from it)",
            metavar="N",
        ),
    ).declared
