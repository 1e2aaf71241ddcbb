"""What /gif is registered with: its options, within the limits of the model and the config."""

from __future__ import annotations

from collections.abc import Mapping

from discord import AppCommandOptionType, app_commands

from bot.commands.lora_choice import LoraOption
from bot.commands.options import Bounded, Option, choice_of
from bot.commands.reading import (
    CONTROL_TYPES,
    DEFAULT_CONTROL_STRENGTH,
    DEFAULT_DURATION,
    DEFAULT_FRAMES,
    DEFAULT_SIZE,
    FORMATS,
    MAX_COUNT,
)
from bot.config_library import Style
from generator.limits import (
    MAX_CONTROL_SCALE,
    MAX_DURATION_MS,
    MAX_GUIDANCE_SCALE,
    MAX_LORA_STRENGTH,
    MAX_PROMPT_CHARACTERS,
    MAX_SEED,
    MAX_STEPS,
    MIN_FRAME_MS,
    ModelLimits,
)

_KIND = AppCommandOptionType


def gif_options(limits: ModelLimits, styles: Mapping[str, Style]) -> dict[str, Option]:
    """The options in the order in which Discord offers them."""
    options = _picture(limits) | _loras() | _motion()
    if styles:
        options["style"] = Option(choice_of(list(styles)), "A look for your prompt (none).")
    return options | _result()


def _picture(limits: ModelLimits) -> dict[str, Option]:
    frames = min(DEFAULT_FRAMES, limits.max_frames)
    prompt = Bounded(_KIND.string, 1, MAX_PROMPT_CHARACTERS)
    sizes = [
        app_commands.Choice(name=f"{size.name} ({size.width} x {size.height})", value=size.name)
        for size in limits.sizes
    ]
    return {
        "prompt": Option(prompt, "What the GIF shows.", required=True),
        "size": Option(
            Bounded(_KIND.string, choices=sizes),
            f"Its shape ({DEFAULT_SIZE}, unless you choose another).",
        ),
        "frames": Option(
            Bounded(_KIND.integer, 1, limits.max_frames), f"How many pictures it has ({frames})."
        ),
        "duration": Option(
            Bounded(_KIND.integer, MIN_FRAME_MS, MAX_DURATION_MS),
            f"How long it lasts, in milliseconds ({DEFAULT_DURATION}).",
        ),
        "negative_prompt": Option(
            Bounded(_KIND.string, 0, MAX_PROMPT_CHARACTERS), "What it should not show."
        ),
        "steps": Option(
            Bounded(_KIND.integer, 1, MAX_STEPS),
            f"How often it is refined; more takes longer ({limits.steps}).",
        ),
        "guidance": Option(
            Bounded(_KIND.number, 0, MAX_GUIDANCE_SCALE),
            f"How closely it follows the prompt ({limits.guidance_scale:g}).",
        ),
        # Discord's integers end at 2^53, seeds at 2^64
        "seed": Option(
            Bounded(_KIND.string, 1, len(str(MAX_SEED))),
            "A number; the same seed and settings make the same GIF again (a new one).",
        ),
    }


def _loras() -> dict[str, Option]:
    strength = Bounded(_KIND.number, -MAX_LORA_STRENGTH, MAX_LORA_STRENGTH)
    return {
        "lora": Option(LoraOption(), "A LoRA of yours, or a shared one."),
        "lora_strength": Option(strength, "How strongly it acts (as its owner set it)."),
        "lora_2": Option(LoraOption(), "A second one."),
        "lora_2_strength": Option(strength, "How strongly that acts (as its owner set it)."),
    }


def _motion() -> dict[str, Option]:
    return {
        "control_gif": Option(
            Bounded(_KIND.attachment), "A GIF or film whose motion yours is to follow."
        ),
        "control_type": Option(
            choice_of(CONTROL_TYPES), "What of it is followed; leave it out to look at it first."
        ),
        "control_strength": Option(
            Bounded(_KIND.number, 0, MAX_CONTROL_SCALE),
            f"How closely it is followed ({DEFAULT_CONTROL_STRENGTH:g}).",
        ),
    }


def _result() -> dict[str, Option]:
    return {
        "count": Option(
            Bounded(_KIND.integer, 1, MAX_COUNT), "How many variations, with a seed each (1)."
        ),
        "format": Option(choice_of(list(FORMATS)), "The kind of file (gif)."),
        "private": Option(Bounded(_KIND.boolean), "Whether only you see it (no)."),
    }
