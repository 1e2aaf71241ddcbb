"""Queries on finished jobs as somebody's library: favourites, search, lineage, erasing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from bot.storage import gallery
from bot.storage.jobs import get
from bot.storage.models import UNFINISHED, Attachment, Job, State
from bot.storage.tables import appeals, attachments, edits, favourites, gallery_posts, jobs, loras

_FAVOURITES = "favourites"
_LOOKED_AT = 20_000  # jobs, for prompts to complete others by


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryFilter:
    """Which of one person's jobs are wanted: by words, by state; or whatever they marked."""

    user_id: int
    words: str = ""
    only: str = ""  # done, failed, favourites or nothing


def toggle_favourite(connection: Connection, user_id: int, job_id: str) -> bool:
    """Mark a job as a favourite, or no more; return whether it is one now."""
    mine = (favourites.c.user_id == user_id) & (favourites.c.job_id == job_id)
    if connection.execute(delete(favourites).where(mine)).rowcount:
        return False
    values = {"user_id": user_id, "job_id": job_id, "created_at": datetime.now(UTC)}
    connection.execute(insert(favourites).values(**values))
    return True


def page(
    connection: Connection, history_filter: HistoryFilter, *, limit: int, offset: int
) -> list[Job]:
    """Return a page of somebody's jobs, the newest first."""
    # in two steps: the first one needs nothing but the index
    query = select(jobs.c.number).where(*_conditions(history_filter)).order_by(jobs.c.number.desc())
    numbers = list(connection.execute(query.limit(limit).offset(offset)).scalars())
    ids = connection.execute(select(jobs.c.id).where(jobs.c.number.in_(numbers))).scalars()
    found = [get(connection, job_id) for job_id in list(ids)]
    kept = [job for job in found if job is not None]
    return sorted(kept, key=lambda job: job.number, reverse=True)


def count(connection: Connection, history_filter: HistoryFilter) -> int:
    """Return how many of somebody's jobs the filter lets through."""
    query = select(func.count()).select_from(jobs).where(*_conditions(history_filter))
    return connection.execute(query).scalar_one()


def beginning_with(connection: Connection, start: str) -> Job | None:
    """Return the job whose id begins so; None also where several do. ``start`` is hexadecimal."""
    query = select(jobs.c.id).where(jobs.c.id >= start, jobs.c.id <= f"{start}g").limit(2)
    found = list(connection.execute(query).scalars())
    return get(connection, found[0]) if len(found) == 1 else None


def is_favourite(connection: Connection, user_id: int, job_id: str) -> bool:
    """Return whether this person marked a job."""
    query = select(favourites.c.job_id).where(
        favourites.c.user_id == user_id, favourites.c.job_id == job_id
    )
    return connection.execute(query).one_or_none() is not None


def posted_as(connection: Connection, message_id: int) -> list[Job]:
    """Return the jobs whose results stand in that message, in the order in which they do.

    That of a post in a gallery, too.
    """
    shared = select(gallery_posts.c.job_id).where(gallery_posts.c.message_id == message_id)
    is_there = (jobs.c.message_id == message_id) | jobs.c.id.in_(shared)
    query = select(jobs.c.id).where(is_there).order_by(jobs.c.number)
    found = (get(connection, job_id) for job_id in connection.execute(query).scalars().all())
    return [job for job in found if job is not None]


def children(connection: Connection, job_id: str) -> int:
    """Return how many jobs came from a job."""
    query = select(func.count()).select_from(jobs).where(jobs.c.parent_id == job_id)
    return connection.execute(query).scalar_one()


def erase(connection: Connection, job_id: str) -> bool:
    """Delete a job that is over, and what hangs on it; its files are the caller's."""
    is_over = (jobs.c.id == job_id) & jobs.c.state.not_in(UNFINISHED)
    if connection.execute(select(jobs.c.id).where(is_over)).one_or_none() is None:
        return False
    connection.execute(delete(attachments).where(attachments.c.job_id == job_id))
    connection.execute(delete(favourites).where(favourites.c.job_id == job_id))
    connection.execute(delete(edits).where(edits.c.job_id == job_id))
    for post in gallery.of_job(connection, job_id):
        gallery.remove(connection, post.id)
    connection.execute(delete(appeals).where(appeals.c.job_id == job_id))
    connection.execute(delete(jobs).where(jobs.c.id == job_id))
    return True


def prompts_shown_to(
    connection: Connection, user_id: int, channels: Sequence[int], *, limit: int
) -> list[str]:
    """Return prompts of GIFs that were made: one's own, and those posted for all in ``channels``.

    The newest first, each once, of the last ones that anybody made.
    """
    shown = jobs.c.private.is_(False) & jobs.c.channel_id.in_(channels)
    newest = select(func.max(jobs.c.number)).scalar_subquery()
    query = (
        select(jobs.c.request["prompt"].as_string())
        .where(
            jobs.c.number > newest - _LOOKED_AT,
            jobs.c.state == State.DONE,
            (jobs.c.user_id == user_id) | (shown & jobs.c.guild_id.is_not(None)),
        )
        .order_by(jobs.c.number.desc())
        .limit(limit)
    )
    return list(dict.fromkeys(connection.execute(query).scalars()))


def own_attachment(connection: Connection, user_id: int, blob: str) -> Attachment | None:
    """Return a file that came with a job of this person's."""
    columns = attachments.c
    query = (
        select(columns.blob, columns.filename, columns.size_bytes)
        .join(jobs, jobs.c.id == columns.job_id)
        .where(columns.blob == blob, jobs.c.user_id == user_id)
    )
    row = connection.execute(query.limit(1)).one_or_none()
    return None if row is None else Attachment(*row)


def may_use_lora(connection: Connection, user_id: int, guild_id: int | None, blob: str) -> bool:
    """Return whether this person may use a LoRA with that file, whoever brought it."""
    is_shared = loras.c.shared == "everybody"
    if guild_id is not None:
        is_shared |= (loras.c.shared == "server") & (loras.c.guild_id == guild_id)
    query = select(loras.c.id).where(
        loras.c.blob == blob, (loras.c.owner_id == user_id) | is_shared
    )
    return connection.execute(query.limit(1)).one_or_none() is not None


def is_kept_lora(connection: Connection, blob: str) -> bool:
    """Return whether anybody keeps a LoRA with that file."""
    query = select(loras.c.id).where(loras.c.blob == blob)
    return connection.execute(query.limit(1)).one_or_none() is not None


def _conditions(history_filter: HistoryFilter) -> list[ColumnElement[bool]]:
    marked = select(favourites.c.job_id).where(favourites.c.user_id == history_filter.user_id)
    conditions: list[ColumnElement[bool]] = [
        jobs.c.id.in_(marked)
        if history_filter.only == _FAVOURITES
        else jobs.c.user_id == history_filter.user_id
    ]
    for word in history_filter.words.casefold().split()[:10]:
        conditions.append(jobs.c.words.contains(word, autoescape=True))
    if history_filter.only in (State.DONE, State.FAILED):
        conditions.append(jobs.c.state == history_filter.only)
    return conditions
