"""The options of /gif, within the limits of the model and the config."""

from __future__ import annotations

from collections.abc import Mapping

from discord import AppCommandOptionType, app_commands

from bot.commands.lora_choice import suggest_loras
from bot.commands.option_parsing import (
    CONTROL_TYPES,
    DEFAULT_CONTROL_STRENGTH,
    DEFAULT_DURATION,
    DEFAULT_FRAMES,
    DEFAULT_SIZE,
    FORMATS,
    MAX_COUNT,
)
from bot.commands.options import Bounded, CompletedOption, Option, choice_of, localized
from bot.core.config import Style
from bot.ui import wording
from generator.contract.bounds import (
    MAX_CONTROL_SCALE,
    MAX_DURATION_MS,
    MAX_GUIDANCE_SCALE,
    MAX_LORA_STRENGTH,
    MAX_PROMPT_CHARACTERS,
    MAX_SEED,
    MAX_STEPS,
    MIN_FRAME_MS,
    MIN_IMAGE_STRENGTH,
    SCHEDULERS,
)
from generator.contract.limits import ModelLimits, Size
from generator.contract.text import Text

LINKS = {"control_gif": "control_link", "image": "image_link"}
"""Options that take a file, and those that take a link to one instead."""

_KIND = AppCommandOptionType
_LONGEST_LINK = 2000


def gif_options(limits: ModelLimits, styles: Mapping[str, Style]) -> dict[str, Option]:
    """Return the options in the order in which Discord offers them."""
    options = _generation(limits) | _loras() | _motion() | _image(limits)
    if styles:
        options["style"] = Option(
            choice_of(list(styles)), Text("A style for your GIF (default: none).")
        )
    return options | _result()


def _generation(limits: ModelLimits) -> dict[str, Option]:
    frames = min(DEFAULT_FRAMES, limits.max_frames)
    prompt = Bounded(_KIND.string, 1, MAX_PROMPT_CHARACTERS)
    sizes = [app_commands.Choice(name=_size(size), value=size.name) for size in limits.sizes]
    return {
        "prompt": Option(prompt, Text("What the GIF shows."), required=True),
        "size": Option(
            Bounded(_KIND.string, choices=sizes),
            Text("Its size and shape (default: {size}).", size=wording.SIZES[DEFAULT_SIZE]),
        ),
        "frames": Option(
            Bounded(_KIND.integer, 1, limits.max_frames),
            Text("How many frames it has (default: {frames}).", frames=frames),
        ),
        "duration": Option(
            Bounded(_KIND.integer, MIN_FRAME_MS, MAX_DURATION_MS),
            Text(
                "How long it lasts, in milliseconds (default: {duration}).",
                duration=DEFAULT_DURATION,
            ),
        ),
        "negative_prompt": Option(
            Bounded(_KIND.string, 0, MAX_PROMPT_CHARACTERS),
            Text("What it should not show."),
        ),
        "steps": Option(
            Bounded(_KIND.integer, 1, MAX_STEPS),
            Text(
                "How many times it is refined; more takes longer (default: {steps}).",
                steps=limits.steps,
            ),
        ),
        "guidance": Option(
            Bounded(_KIND.number, 0, MAX_GUIDANCE_SCALE),
            Text(
                "How closely it follows the prompt (default: {guidance:g}).",
                guidance=limits.guidance_scale,
            ),
        ),
        "scheduler": Option(
            choice_of(SCHEDULERS),
            Text("The sampler (default: {name}).", name=limits.scheduler),
        ),
        # Discord's integers end at 2^53, seeds at 2^64
        "seed": Option(
            Bounded(_KIND.string, 1, len(str(MAX_SEED))),
            Text("The same seed and settings make the same GIF again (default: a new seed)."),
        ),
    }


def _size(size: Size) -> app_commands.locale_str:
    name = wording.SIZES[size.name]
    words = Text("{name} ({width} x {height})", name=name, width=size.width, height=size.height)
    return localized(words)


def _loras() -> dict[str, Option]:
    strength = Bounded(_KIND.number, -MAX_LORA_STRENGTH, MAX_LORA_STRENGTH)
    return {
        "lora": Option(CompletedOption(suggest_loras), Text("One of your LoRAs, or a shared one.")),
        "lora_strength": Option(
            strength, Text("How strong its effect is (default: as its owner set it).")
        ),
        "lora_2": Option(CompletedOption(suggest_loras), Text("A second LoRA.")),
        "lora_2_strength": Option(
            strength,
            Text("How strong the second LoRA's effect is (default: as its owner set it)."),
        ),
    }


def _motion() -> dict[str, Option]:
    return {
        "control_gif": Option(
            Bounded(_KIND.attachment),
            Text("A GIF or video whose motion your GIF should follow."),
        ),
        LINKS["control_gif"]: Option(
            Bounded(_KIND.string, 1, _LONGEST_LINK),
            Text("Or a link to one, for example to a GIF from Discord's GIF picker."),
        ),
        "control_type": Option(
            choice_of(list(CONTROL_TYPES), CONTROL_TYPES),
            Text("What to follow in it; leave this out to see the contact sheet first."),
        ),
        "control_strength": Option(
            Bounded(_KIND.number, 0, MAX_CONTROL_SCALE),
            Text(
                "How closely the control GIF is followed (default: {strength:g}).",
                strength=DEFAULT_CONTROL_STRENGTH,
            ),
        ),
    }


def _image(limits: ModelLimits) -> dict[str, Option]:
    return {
        "image": Option(
            Bounded(_KIND.attachment),
            Text("A picture to start from; it also sets the shape unless you choose a size."),
        ),
        LINKS["image"]: Option(
            Bounded(_KIND.string, 1, _LONGEST_LINK),
            Text("Or a link to one, on an allowed site."),
        ),
        "image_strength": Option(
            Bounded(_KIND.number, MIN_IMAGE_STRENGTH, 1),
            Text(
                "How far it may stray from the picture (default: {strength:g}).",
                strength=limits.image_strength,
            ),
        ),
    }


def _result() -> dict[str, Option]:
    return {
        "count": Option(
            Bounded(_KIND.integer, 1, MAX_COUNT),
            Text("How many variations, each with its own seed (default: 1)."),
        ),
        "format": Option(choice_of(list(FORMATS)), Text("The file type (default: gif).")),
        "private": Option(Bounded(_KIND.boolean), Text("Whether only you see it (default: no).")),
    }
