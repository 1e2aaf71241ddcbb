"""How a GIF is computed. Goes on in ``generator.contract.options.conditioning``."""

from __future__ import annotations

from dataclasses import dataclass

from generator.contract.bounds import (
    MAX_GUIDANCE_SCALE,
    MAX_PAG_SCALE,
    MAX_SEED,
    MIN_IMAGE_STRENGTH,
    SCHEDULERS,
    STEPS_LABEL,
    draw_seed,
)
from generator.contract.few_steps import QUALITIES
from generator.contract.options.picture import PictureOptions
from generator.contract.options.spec import (
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

DEFAULT_SCHEDULER = "default"  # the model's own, whatever a recipe says

_NUMBER_CHARACTERS = 8  # of a form's field
_SEED_CHARACTERS = len(str(MAX_SEED))
_MAX_EDGE = 65536  # of size conditioning, which makes no frame of that size


@dataclass(frozen=True, kw_only=True)
class SamplingOptions(PictureOptions):
    """What was given of the picture, and of how it is computed."""

    quality: str | None = OptionSpec(
        kind=Kind.CHOICE,
        label=Text("quality"),
        choices=lambda _: QUALITIES,
        refusal=Text("There is no quality {name!r}; choose one of {known}."),
        form=FormField(
            group=Group.QUALITY,
            description=Text("A draft takes half of the usual steps, a fine GIF twice as many."),
        ),
        flag=Flag(
            name="--quality",
            group=FlagGroup.SAMPLING,
            help="draft: half of the model's steps; fine: twice as many; with a distilled LoRA "
            "(LCM, Lightning, Hyper-SD, TCD, DMD), as many as it was made for",
        ),
    ).declared
    steps: int | None = OptionSpec(
        kind=Kind.WHOLE_NUMBER,
        label=Text("steps"),
        field="steps",
        subject=STEPS_LABEL,
        bounds=lambda limits: (1, limits.max_steps),
        default=lambda limits: limits.steps,
        slash=Slash(
            lambda limits: Text(
                "How many times it is refined; more takes longer (default: {steps}).",
                steps=limits.steps,
            ),
        ),
        server=Setting(
            label=Text("most steps"),
            description=Text("The most steps a GIF may take here (0: no limit)."),
            lowest=0,
            is_default=False,
        ),
        form=FormField(group=Group.FINE, label=Text("Steps"), longest=_NUMBER_CHARACTERS),
        flag=Flag(
            name="--steps",
            group=FlagGroup.SAMPLING,
            help="denoising steps (default: the model's)",
        ),
    ).declared
    guidance: float | None = OptionSpec(
        kind=Kind.NUMBER,
        label=Text("guidance"),
        field="guidance_scale",
        subject=Text("The guidance scale"),
        bounds=lambda _: (0, MAX_GUIDANCE_SCALE),
        default=lambda limits: limits.guidance_scale,
        slash=Slash(
            lambda limits: Text(
                "How closely it follows the prompt (default: {guidance:g}).",
                guidance=limits.guidance_scale,
            ),
        ),
        form=FormField(group=Group.FINE, label=Text("Guidance"), longest=_NUMBER_CHARACTERS),
        flag=Flag(
            name="--guidance-scale",
            group=FlagGroup.SAMPLING,
            help="how closely to follow the prompt (default: the model's)",
        ),
    ).declared
    guidance_rescale: float | None = OptionSpec(
        kind=Kind.NUMBER,
        field="guidance_rescale",
        subject=Text("The guidance rescale"),
        bounds=lambda _: (0, 1),
        default=lambda limits: limits.guidance_rescale,
        flag=Flag(
            name="--guidance-rescale",
            group=FlagGroup.SAMPLING,
            help="against overexposure by guidance, 0 to 1 (default: the model's)",
        ),
    ).declared
    guidance_start: float | None = OptionSpec(
        kind=Kind.NUMBER,
        field="guidance_start",
        subject=Text("The guidance start"),
        bounds=lambda _: (0, 1),
        flag=Flag(
            name="--guidance-start",
            group=FlagGroup.SAMPLING,
            help="guide from this fraction of the steps on (default: 0)",
        ),
    ).declared
    guidance_end: float | None = OptionSpec(
        kind=Kind.NUMBER,
        field="guidance_end",
        subject=Text("The guidance end"),
        bounds=lambda _: (0, 1),
        flag=Flag(
            name="--guidance-end",
            group=FlagGroup.SAMPLING,
            help="guide up to this fraction of the steps (default: 1)",
        ),
    ).declared
    pag: float | None = OptionSpec(
        kind=Kind.NUMBER,
        label=Text("PAG"),
        field="pag_scale",
        subject=Text("The strength of PAG"),
        bounds=lambda _: (0, MAX_PAG_SCALE),
        off=0,
        form=FormField(
            group=Group.QUALITY,
            label=Text("Perturbed-attention guidance (PAG)"),
            description=Text(
                "Clearer shapes, but half as long again; 3 is usual, and 0 turns it off."
            ),
            longest=_NUMBER_CHARACTERS,
        ),
        flag=Flag(
            name="--pag-scale",
            group=FlagGroup.SAMPLING,
            help="perturbed-attention guidance: clearer shapes for one more pass per step; 3 "
            "is usual (default: 0, off)",
        ),
    ).declared
    freeu: bool | None = OptionSpec(
        kind=Kind.SWITCH,
        label=Text("FreeU"),
        field="freeu",
        form=FormField(
            group=Group.QUALITY,
            description=Text("More contrast and detail, at no cost."),
        ),
        flag=Flag(
            name="--freeu",
            group=FlagGroup.SAMPLING,
            help="FreeU, with its values for SDXL: more contrast and detail, at no cost",
        ),
    ).declared
    scheduler: str | None = OptionSpec(
        kind=Kind.CHOICE,
        label=Text("sampler"),
        field="scheduler",
        choices=lambda _: {name: name for name in SCHEDULERS},
        default=lambda limits: limits.scheduler,
        form=FormField(
            group=Group.FINE,
            label=Text("Sampler"),
            description=lambda limits: Text(
                "The sampler (default: {name}).", name=limits.scheduler
            ),
        ),
        flag=Flag(
            name="--scheduler",
            group=FlagGroup.SAMPLING,
            help=f"{', '.join(SCHEDULERS)}, or its diffusers class name (default: the model's)",
            metavar="NAME",
        ),
    ).declared
    seed: int | None = OptionSpec(
        kind=Kind.WHOLE_NUMBER,
        label=Text("seed"),
        field="seed",
        subject=Text("The seed"),
        bounds=lambda _: (0, MAX_SEED),
        default=lambda _: draw_seed(),
        slash=Slash(
            Text("The same seed and settings make the same GIF again (default: a new seed)."),
        ),
        form=FormField(
            group=Group.FINE, label=Text("Seed (empty: a new one)"), longest=_SEED_CHARACTERS
        ),
        flag=Flag(
            name="--seed",
            group=FlagGroup.SAMPLING,
            help=f"the same seed makes the same frames, 0 to {MAX_SEED} (default: drawn)",
            leads=True,
        ),
    ).declared
    upscale: float | bool | None = OptionSpec(
        kind=Kind.NUMBER,
        bounds=lambda _: (0, 1),
        flag=Flag(
            name="--upscale",
            group=FlagGroup.SAMPLING,
            help="a second pass at twice the size, which begins from the frames of the first; X is "
            f"how far it may stray from them, {MIN_IMAGE_STRENGTH} to 1 (default: the model's), or "
            "0 for no second pass",
            alone=True,
        ),
    ).declared
    og_width: int | None = OptionSpec(
        kind=Kind.WHOLE_NUMBER,
        field="original_size",
        part=0,
        subject=Text("The original size's width"),
        bounds=lambda _: (1, _MAX_EDGE),
        flag=Flag(name="--og-width", group=FlagGroup.SIZE_CONDITIONING, help="(default: 1920)"),
    ).declared
    og_height: int | None = OptionSpec(
        kind=Kind.WHOLE_NUMBER,
        field="original_size",
        part=1,
        subject=Text("The original size's height"),
        bounds=lambda _: (1, _MAX_EDGE),
        flag=Flag(name="--og-height", group=FlagGroup.SIZE_CONDITIONING, help="(default: 1080)"),
    ).declared
    target_width: int | None = OptionSpec(
        kind=Kind.WHOLE_NUMBER,
        field="target_size",
        part=0,
        subject=Text("The target size's width"),
        bounds=lambda _: (1, _MAX_EDGE),
        flag=Flag(name="--target-width", group=FlagGroup.SIZE_CONDITIONING, help="(default: 512)"),
    ).declared
    target_height: int | None = OptionSpec(
        kind=Kind.WHOLE_NUMBER,
        field="target_size",
        part=1,
        subject=Text("The target size's height"),
        bounds=lambda _: (1, _MAX_EDGE),
        flag=Flag(name="--target-height", group=FlagGroup.SIZE_CONDITIONING, help="(default: 512)"),
    ).declared
