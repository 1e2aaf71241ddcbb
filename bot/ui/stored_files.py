"""Opens results for messages, as the gate allows, in a thread: the event loop waits for no disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import discord

from bot.gateway.context import BotContext
from bot.jobs.gate import check_may_post
from bot.storage.models import Job


async def result_file(
    context: BotContext,
    job: Job,
    guild_id: int | None,
    stem: str,
    description: str,
    *,
    most: int,
) -> discord.File | None:
    """Return the file of a job, named ``stem``, to be shown there. Raises WithheldError.

    None where it isn't stored any more or is above ``most`` bytes.
    """
    if not job.output:
        return None
    path = context.blobs.path(job.output)
    if not await asyncio.to_thread(_is_within, path, most):
        return None
    try:
        return await made_file(
            context, job, guild_id, path, f"{stem}{path.suffix}", description=description
        )
    except OSError:
        return None


async def made_file(
    context: BotContext,
    job: Job,
    guild_id: int | None,
    path: Path,
    name: str,
    *,
    description: str,
) -> discord.File:
    """Return a file that was made for a job's owner, named ``name``, to be shown on a server.

    Raises WithheldError, and OSError where it isn't there.
    """
    is_spoiler = await check_may_post(context.policy, job, path, guild_id)
    return await asyncio.to_thread(
        discord.File, path, filename=name, spoiler=is_spoiler, description=description
    )


def _is_within(path: Path, most: int) -> bool:
    try:
        return path.stat().st_size <= most
    except OSError:
        return False
