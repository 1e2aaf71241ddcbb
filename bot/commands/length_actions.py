"""The actions under a result that change how long it is: longer, stretched, a closed loop."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord

from bot.commands.result_actions import job_of, limits_of, original_of, remake
from bot.core.errors import RefusedError
from bot.ui.actions import Values
from generator.contract.bounds import MAX_DURATION_MS
from generator.contract.messages import Request
from generator.contract.stages import output_size
from generator.contract.text import plural
from generator.contract.windows import CONTINUE, LOOP, STRETCH

_LONGER = 1.5
_STRETCHED = 2
_LEAST_WINDOWS = 2  # of a clip that is stretched or closed: one window knows nothing of either

_Interaction = discord.Interaction[Any]


async def longer(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Keep its frames as they are, and make half as many again that go on from them.

    The kept file is what it begins with, as the one that is upscaled: these frames were seen,
    whichever version and machine made them. A closed loop goes on, and comes back to its beginning.
    """
    del values
    job = await job_of(interaction, job_id)
    limits, now = limits_of(interaction, job), job.request.video_length
    length = min(limits.max_clip_frames, max(now + 1, round(now * _LONGER)))
    if length <= now:
        raise RefusedError(
            plural(
                "It already has 1 frame, the most allowed here.",
                "It already has {count} frames, the most allowed here.",
                now,
            )
        )
    original = await original_of(interaction, job)
    width, height = output_size(job.request)
    request = replace(
        _with_frames(job.request, length),
        width=width,
        height=height,
        image=original.blob,
        kept_frames=now,
        motion=LOOP if job.request.motion == LOOP else CONTINUE,
        stages=(),
    )
    await remake(interaction, job, request, "longer", original)


async def stretch(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Make it with its one motion over twice as many frames."""
    del values
    await _with_motion(interaction, job_id, STRETCH, _STRETCHED)


async def closed_loop(interaction: _Interaction, job_id: str, values: Values) -> None:
    """Make it so that its last frame joins the first."""
    del values
    await _with_motion(interaction, job_id, LOOP, 1)


async def _with_motion(interaction: _Interaction, job_id: str, motion: str, times: int) -> None:
    job = await job_of(interaction, job_id)
    limits, request = limits_of(interaction, job), job.request
    if request.kept_frames:  # they would neither be stretched nor join the end
        request = request.without_image()
    length = max(request.video_length * times, request.window * _LEAST_WINDOWS)
    request = _with_frames(request, min(length, limits.max_clip_frames))
    await remake(interaction, job, replace(request, motion=motion), motion)


def _with_frames(request: Request, length: int) -> Request:
    """Return the request with so many frames, at the same pace."""
    duration = round(request.video_duration * length / request.video_length)
    return replace(request, video_length=length, video_duration=min(duration, MAX_DURATION_MS))


ACTIONS = {"longer": longer, "stretch": stretch, "closed_loop": closed_loop}
