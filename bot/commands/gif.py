"""/gif: reads the options, checks them against the model's limits, and hands the request over.

Discord's clients enforce the limits registered here, but nothing makes others do so: everything is
checked again, and an option of the wrong kind ends in the same clear sentence.
"""

from __future__ import annotations

import logging
import math
from typing import Any

import aiohttp
import discord
from discord import AppCommandOptionType, app_commands

from bot.commands.options import Bounded
from bot.house import house_of
from bot.jobs.model import Origin
from generator.errors import RequestError
from generator.limits import (
    MAX_DURATION_MS,
    MAX_GUIDANCE_SCALE,
    MAX_PROMPT_CHARACTERS,
    MAX_SEED,
    MAX_STEPS,
    MIN_FRAME_MS,
    ModelLimits,
    Size,
    draw_seed,
)
from generator.protocol import Request

logger = logging.getLogger(__name__)

DEFAULT_SIZE = "square"
DEFAULT_FRAMES = 8
DEFAULT_DURATION = 1000  # milliseconds


def build(limits: ModelLimits) -> app_commands.Command[Any, ..., None]:
    """The command, with the options that the model's limits allow."""

    async def gif(
        interaction: discord.Interaction[Any],
        *,
        prompt: Any,
        size: Any = None,
        frames: Any = None,
        duration: Any = None,
        negative_prompt: Any = None,
        steps: Any = None,
        guidance: Any = None,
        seed: Any = None,
    ) -> None:
        request = read_request(
            limits,
            prompt=prompt,
            size=size,
            frames=frames,
            duration=duration,
            negative_prompt=negative_prompt,
            steps=steps,
            guidance=guidance,
            seed=seed,
        )
        jobs = house_of(interaction).jobs
        async with jobs.accept(origin_of(interaction), request) as job:
            jobs.note_answer(job.id, await _defer(interaction))

    gif.__annotations__.update(_options(limits))
    callback: Any = gif
    command: app_commands.Command[Any, ..., None] = app_commands.Command(
        name="gif", description="Make a GIF of what you describe.", callback=callback
    )
    return app_commands.describe(**_descriptions(limits))(command)


def read_request(
    limits: ModelLimits,
    *,
    prompt: object,
    size: object = None,
    frames: object = None,
    duration: object = None,
    negative_prompt: object = None,
    steps: object = None,
    guidance: object = None,
    seed: object = None,
) -> Request:
    """A complete request of raw option values, None standing for the default.

    Raises RequestError, one sentence that says what to ask for instead.
    """
    chosen = _size(limits, size)
    length = _whole("number of frames", frames, min(DEFAULT_FRAMES, limits.max_frames))
    request = Request(
        prompt=str(prompt).strip(),
        negative_prompt="" if negative_prompt is None else str(negative_prompt).strip(),
        seed=draw_seed() if seed is None else _seed(seed),
        width=chosen.width,
        height=chosen.height,
        steps=_whole("number of steps", steps, limits.steps),
        guidance_scale=_number("guidance", guidance, limits.guidance_scale),
        guidance_rescale=limits.guidance_rescale,
        scheduler=limits.scheduler,
        video_length=length,
        video_duration=_whole("duration", duration, DEFAULT_DURATION),
    )
    limits.check(request)
    return request


def origin_of(interaction: discord.Interaction[Any]) -> Origin:
    """Where a command came from."""
    return Origin(
        application_id=interaction.application_id,
        token=interaction.token,
        asked_at=interaction.created_at,
        user_id=interaction.user.id,
        user_name=interaction.user.name,
        channel_id=interaction.channel_id or 0,
        guild_id=interaction.guild_id,
        upload_limit=interaction.filesize_limit,
    )


async def _defer(interaction: discord.Interaction[Any]) -> int | None:
    """Answers "thinking"; the answer's id, None where Discord didn't take it.

    The job is kept even then: it was accepted, so its result goes to the channel.
    """
    try:
        response = await interaction.response.defer(thinking=True)
    except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
        logger.warning("Discord didn't take the answer: %s", error)
        return None
    return None if response is None else response.message_id


def _options(limits: ModelLimits) -> dict[str, Bounded]:
    kind = AppCommandOptionType
    choices: list[app_commands.Choice[Any]] = [
        app_commands.Choice(name=_label(size), value=size.name) for size in limits.sizes
    ]
    shortest = MIN_FRAME_MS
    return {
        "prompt": Bounded(kind.string, 1, MAX_PROMPT_CHARACTERS),
        "size": Bounded(kind.string, choices=choices),
        "frames": Bounded(kind.integer, 1, limits.max_frames),
        "duration": Bounded(kind.integer, shortest, MAX_DURATION_MS),
        "negative_prompt": Bounded(kind.string, 0, MAX_PROMPT_CHARACTERS),
        "steps": Bounded(kind.integer, 1, MAX_STEPS),
        "guidance": Bounded(kind.number, 0, MAX_GUIDANCE_SCALE),
        # Discord's integers end at 2^53, seeds at 2^64
        "seed": Bounded(kind.string, 1, len(str(MAX_SEED))),
    }


def _descriptions(limits: ModelLimits) -> dict[str, str]:
    frames = min(DEFAULT_FRAMES, limits.max_frames)
    return {
        "prompt": "What the GIF shows.",
        "size": f"Its shape ({DEFAULT_SIZE}, unless you choose another).",
        "frames": f"How many pictures it has ({frames}).",
        "duration": f"How long it lasts, in milliseconds ({DEFAULT_DURATION}).",
        "negative_prompt": "What it should not show.",
        "steps": f"How often it is refined; more takes longer ({limits.steps}).",
        "guidance": f"How closely it follows the prompt ({limits.guidance_scale:g}).",
        "seed": "A number; the same seed and settings make the same GIF again (a new one).",
    }


def _label(size: Size) -> str:
    return f"{size.name} ({size.width} x {size.height})"


def _size(limits: ModelLimits, value: object) -> Size:
    name = DEFAULT_SIZE if value is None else str(value)
    for size in limits.sizes:
        if size.name == name:
            return size
    names = ", ".join(size.name for size in limits.sizes)
    raise RequestError(f"There is no size {name[:40]!r}; choose one of {names}.")


def _seed(value: object) -> int:
    word = str(value).strip()
    digits = word.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise RequestError(f"The seed must be a whole number from 0 to {MAX_SEED}.")
    if len(digits) > 100:  # int() takes long over thousands of digits
        raise RequestError(f"The seed must be from 0 to {MAX_SEED}.")
    return int(word)


def _whole(name: str, value: object, default: int) -> int:
    number = _number(name, value, default)
    if number != int(number):
        raise RequestError(f"The {name} must be a whole number, not {number:g}.")
    return int(number)


def _number(name: str, value: object, default: float) -> float:
    if value is None:
        return default
    try:
        number = float(str(value))
    except ValueError:
        raise RequestError(f"The {name} must be a number, not {str(value)[:40]!r}.") from None
    if not math.isfinite(number):
        raise RequestError(f"The {name} must be a number, not {number}.")
    return number
