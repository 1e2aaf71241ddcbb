"""The config's sections on what people bring and choose: attachments, LoRAs, styles."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, field_validator

from bot.core.config_base import Section
from generator.contract.limits import MAX_GUIDANCE_SCALE, MAX_PROMPT_CHARACTERS, MAX_STEPS

PLACE = "{prompt}"
MAX_STYLES = 25  # as many choices as Discord shows


def _plain_names(value: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        if not name or any(mark in name for mark in "/:*@ "):
            raise ValueError("host names such as huggingface.co are expected")
    return tuple(name.lower() for name in value)


HostNames = Annotated[tuple[str, ...], AfterValidator(_plain_names)]
"""Hosts that may be named, each with its subdomains."""


class AttachmentSettings(Section):
    """``[attachments]``: GIFs and pictures that people bring, and where links may lead."""

    max_mb: Annotated[int, Field(ge=1, le=64)] = 25
    seconds: Annotated[float, Field(gt=0, le=300)] = 30.0
    per_user_day_mb: Annotated[int, Field(ge=0)] = 1000
    per_user_day_drafts: Annotated[int, Field(ge=0)] = 200
    # Discord's own addresses and its copies of what messages link to, and its picker's GIFs
    hosts: HostNames = (
        "cdn.discordapp.com",
        "media.discordapp.net",
        "images-ext-1.discordapp.net",
        "images-ext-2.discordapp.net",
        "media.tenor.com",
        "giphy.com",
        "klipy.com",
        "i.imgur.com",
    )


class LoraSettings(Section):
    """``[loras]``: files that people bring, how many and how large, and where links may lead."""

    max_mb: Annotated[int, Field(ge=1)] = 500
    per_user: Annotated[int, Field(ge=0)] = 20
    per_user_mb: Annotated[int, Field(ge=0)] = 2000
    per_user_day_mb: Annotated[int, Field(ge=0)] = 4000
    seconds: Annotated[float, Field(gt=0, le=3600)] = 600.0
    hosts: HostNames = ("huggingface.co", "civitai.com")


class Style(Section):
    """``[styles.NAME]``: what a style makes of somebody's prompt, and what it sets."""

    prompt: Annotated[str, Field(max_length=MAX_PROMPT_CHARACTERS)] = PLACE
    negative_prompt: Annotated[str, Field(max_length=MAX_PROMPT_CHARACTERS)] = ""
    steps: Annotated[int, Field(ge=1, le=MAX_STEPS)] | None = None
    guidance: Annotated[float, Field(ge=0, le=MAX_GUIDANCE_SCALE)] | None = None

    @field_validator("prompt")
    @classmethod
    def _has_a_place(cls, value: str) -> str:
        if value.count(PLACE) != 1:
            raise ValueError(f"a text with {PLACE} in it, once, is expected")
        return value

    def applied_to(self, prompt: str, negative_prompt: str | None) -> tuple[str, str | None]:
        """Somebody's own words in the style's; what not to show is None where neither says it."""
        words = [part for part in (negative_prompt, self.negative_prompt) if part]
        without = ", ".join(words) if words else negative_prompt
        return self.prompt.replace(PLACE, prompt), without
