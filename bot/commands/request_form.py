"""The form that changes a request: filled in with what made a GIF, and read again."""

from __future__ import annotations

from dataclasses import replace

from discord import TextStyle
from discord.ui import TextInput, View

from bot.commands.option_parsing import read_request
from bot.core.translations import translate
from bot.ui.actions import Form, Values
from generator.contract.bounds import MAX_PROMPT_CHARACTERS
from generator.contract.limits import ModelLimits
from generator.contract.messages import Request


def edit_form(action: str, target: str, request: Request) -> Form:
    """Return the form with the five fields that people change most; Discord takes no more."""
    fields = (
        text_field("prompt", translate("Prompt"), request.prompt, long=True),
        text_field(
            "negative_prompt",
            translate("What it should not show"),
            request.negative_prompt or "",
            needed=False,
        ),
        text_field("seed", translate("Seed (empty: a new one)"), str(request.seed), needed=False),
        text_field("frames", translate("Frames"), str(request.video_length)),
        text_field("duration", translate("Duration in milliseconds"), str(request.video_duration)),
    )
    return Form(action, target, translate("Make it again"), fields)


def read_edit_form(limits: ModelLimits, request: Request, values: Values) -> Request:
    """Return the request as the form changed it. Raises RequestError."""
    # A form can't tell "" from None: a field that stayed empty stays what it was.
    empty = "" if request.negative_prompt == "" else None
    read = read_request(
        limits,
        prompt=values.get("prompt", ""),
        negative_prompt=values.get("negative_prompt", "").strip() or empty,
        seed=values.get("seed", "").strip() or None,
        frames=values.get("frames", ""),
        duration=values.get("duration", ""),
    )
    return replace(
        request,
        prompt=read.prompt,
        negative_prompt=read.negative_prompt,
        seed=read.seed,
        video_length=read.video_length,
        video_duration=read.video_duration,
    )


def text_field(
    name: str,
    label: str,
    value: str,
    *,
    long: bool = False,
    needed: bool = True,
    longest: int = MAX_PROMPT_CHARACTERS,
) -> TextInput[View]:
    """Return a field for one text."""
    return TextInput(
        custom_id=name,
        label=label,
        default=value[:longest],
        style=TextStyle.paragraph if long else TextStyle.short,
        required=needed,
        max_length=longest,
    )
