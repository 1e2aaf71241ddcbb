"""What follows from a block, whoever decided it: a server's moderators, or the bot's owner."""

from __future__ import annotations

import contextlib

from bot.core.errors import RefusedError
from bot.jobs.service import JobService
from bot.storage.models import Job
from bot.storage.moderation import EVERYWHERE, SERVER, Block


async def cancel_blocked(jobs: JobService, block: Block) -> int:
    """Cancel what a block keeps from being posted; return how many. It costs nobody anything."""
    cancelled = 0
    for job in jobs.of_people():
        if _is_meant(block, job):
            with contextlib.suppress(RefusedError):  # it is on its way: the gate withholds it
                await jobs.cancel(job.id, by=job.user_id, is_free=True)
                cancelled += 1
    return cancelled


def _is_meant(block: Block, job: Job) -> bool:
    guild_id = job.origin.guild_id
    if block.kind == SERVER:
        return guild_id == block.target_id
    return job.user_id == block.target_id and block.guild_id in (EVERYWHERE, guild_id)
