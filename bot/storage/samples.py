"""Queries on samples: GIFs that the bot made for itself, to show what a LoRA or a style does.

Each is a job of the bot's own. It hangs on a key, which says all that it is made of, as other jobs
hang on their parents.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from bot.storage.jobs import get
from bot.storage.library import erase
from bot.storage.models import BOT, UNFINISHED, Job
from bot.storage.tables import jobs

SAMPLE = "sample"  # a job's relation to the key that it hangs on

_MINE = (jobs.c.user_id == BOT) & (jobs.c.relation == SAMPLE)


def find(connection: Connection, keys: Sequence[str]) -> dict[str, Job]:
    """Return the newest job of each key that has one."""
    query = (
        select(jobs.c.parent_id, func.max(jobs.c.number))
        .where(_MINE, jobs.c.parent_id.in_(keys))
        .group_by(jobs.c.parent_id)
    )
    numbers = [number for _, number in connection.execute(query)]
    ids = select(jobs.c.id).where(jobs.c.number.in_(numbers))
    found = [get(connection, job_id) for job_id in connection.execute(ids).scalars().all()]
    return {job.origin.parent_id or "": job for job in found if job is not None}


def every(connection: Connection) -> list[Job]:
    """Return all jobs that were or are made for samples."""
    ids = connection.execute(select(jobs.c.id).where(_MINE)).scalars().all()
    return [job for job_id in ids if (job := get(connection, job_id)) is not None]


def unfinished(connection: Connection, keys: Sequence[str]) -> list[str]:
    """Return the jobs of these keys that aren't over."""
    query = select(jobs.c.id).where(_MINE, jobs.c.parent_id.in_(keys), jobs.c.state.in_(UNFINISHED))
    return list(connection.execute(query).scalars())


def forget(connection: Connection, keys: Sequence[str]) -> list[str]:
    """Delete the jobs of these keys that are over; return the blobs that they named."""
    query = select(jobs.c.id, jobs.c.output).where(_MINE, jobs.c.parent_id.in_(keys))
    rows = connection.execute(query).all()
    return [blob for job_id, blob in rows if erase(connection, job_id) and blob is not None]
