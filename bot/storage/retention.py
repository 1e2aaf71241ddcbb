"""What may go: results and attachments of jobs that are over, by age and by what all of them take.

Rows stay, for the history; only their files go. An unfinished job's files are never touched, nor is
a blob that any row still names, nor one so young that its row may not be written yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn

from sqlalchemy import Connection, case, delete, func, select, union_all, update

from bot.core.errors import StorageError
from bot.storage import daily_usage, shares, usage
from bot.storage import drafts as drafts_rows
from bot.storage.blobs import Blob, BlobStore
from bot.storage.database import Database
from bot.storage.models import BOT, UNFINISHED
from bot.storage.tables import attachments, drafts, jobs, loras

logger = logging.getLogger(__name__)

_YOUNG_SECONDS = 3600.0
_SCRATCH_SECONDS = 24 * 3600.0
_FIRST_SECONDS = 60.0
_EVERY_SECONDS = 24 * 3600.0
_AT_ONCE = 500  # rows in one write, so that nobody waits long behind it
UPGRADE_COPIES = "before-upgrade-*.tar"
_ID_LENGTH = 32  # of a job's id, which its files' names begin with
_MOST = 10_000  # blobs in one round; the next one comes tomorrow


@dataclass(frozen=True, slots=True)
class RetentionLimits:
    """How long files of finished jobs are kept, and how much all files may take."""

    age: timedelta
    size_bytes: int
    upgrade_copies: timedelta | None = None  # of the database before an upgrade; None: for good


async def clean_up_daily(
    database: Database, blobs: BlobStore, scratch: Path, limits: Callable[[], RetentionLimits]
) -> NoReturn:
    """Clean up once a day, the first time soon after the start, until cancelled."""
    await asyncio.sleep(_FIRST_SECONDS)
    while True:
        try:
            await clean_up(database, blobs, scratch, limits())
        except (StorageError, OSError) as error:
            logger.warning("the clean-up failed, and is tried again tomorrow: %s", error)
        await asyncio.sleep(_EVERY_SECONDS)


async def clean_up(
    database: Database, blobs: BlobStore, scratch: Path, limits: RetentionLimits, *, needed: int = 0
) -> int:
    """Clean up once; return how many files went. ``scratch`` is where workers write.

    ``needed`` bytes have to be freed at once: then young files count like the others, since
    whatever waits for its row is held (``BlobStore.pinned``). Raises StorageError where the
    database fails; files are removed only after their rows.
    """
    await database.write(drafts_rows.forget_expired)
    await database.write(daily_usage.forget_expired)
    await database.write(usage.forget_expired)
    await database.write(shares.forget_expired)
    await _forget_all(
        database, await database.read(unneeded, before=datetime.now(UTC) - limits.age)
    )
    kept = await asyncio.to_thread(list, blobs)
    sizes = {blob.name: blob.size_bytes for blob in kept if needed or _is_old(blob)}
    removed = await remove_unreferenced(database, blobs, sizes)
    freed = sum(sizes.pop(name) for name in removed)
    excess = sum(blob.size_bytes for blob in kept) - freed - limits.size_bytes
    oldest = _oldest(sizes, await database.read(unneeded), max(excess, needed - freed))
    await _forget_all(database, oldest)
    removed |= await remove_unreferenced(database, blobs, oldest)
    await asyncio.to_thread(_sweep, blobs, scratch)
    if limits.upgrade_copies is not None:
        await asyncio.to_thread(_remove_upgrade_copies, scratch.parent, limits.upgrade_copies)
    logger.info("clean-up: %d files removed", len(removed))
    return len(removed)


async def drop_unreferenced(
    database: Database, blobs: BlobStore, names: Iterable[str | None]
) -> None:
    """Remove those of ``names`` that no row names and nobody pins; the rest is left alone.

    What the database doesn't let it do is left to the clean-up.
    """
    try:
        await remove_unreferenced(database, blobs, [name for name in names if name])
    except (StorageError, OSError) as error:
        logger.warning("files that nobody needs are left to the clean-up: %s", error)


def _oldest(sizes: Mapping[str, int], candidates: Sequence[str], excess: int) -> list[str]:
    """Return the first of the ``candidates`` that make up for ``excess`` bytes."""
    chosen: list[str] = []
    for name in candidates:
        if excess <= 0:
            break
        if name in sizes:
            chosen.append(name)
            excess -= sizes[name]
    return chosen


async def _forget_all(database: Database, names: Sequence[str]) -> None:
    for start in range(0, len(names), _AT_ONCE):
        await database.write(forget, names[start : start + _AT_ONCE])


async def remove_unreferenced(
    database: Database, blobs: BlobStore, names: Collection[str]
) -> set[str]:
    """Remove blobs that no row names, also those that a killed bot never wrote a row for.

    Return those that are gone now: all but what is named, or pinned. Raises StorageError, OSError.
    """
    every, removed = list(names), set()
    for start in range(0, len(every), _AT_ONCE):
        # marked before the rows are read: what is kept anew meanwhile isn't taken
        marked = blobs.mark(every[start : start + _AT_ONCE])
        needed = marked
        try:
            needed = await database.read(referenced, list(marked))
        finally:
            blobs.unmark(needed)
        removed |= await asyncio.to_thread(blobs.remove_marked, marked - needed)
    return removed


def _sweep(blobs: BlobStore, scratch: Path) -> None:
    blobs.sweep()
    for left in scratch.iterdir():
        with contextlib.suppress(FileNotFoundError):  # its job may have ended meanwhile
            if time.time() - left.stat().st_mtime > _SCRATCH_SECONDS:
                _remove(left)


def _remove_upgrade_copies(data_dir: Path, age: timedelta) -> None:
    """Remove copies that hold what people may have had erased since."""
    for copy in data_dir.glob(UPGRADE_COPIES):
        if time.time() - copy.stat().st_mtime > age.total_seconds():
            copy.unlink()


def clear_scratch(blobs: BlobStore, scratch: Path) -> None:
    """Remove what earlier processes left half-made; nothing may be in the making yet."""
    blobs.sweep(older_than=0.0)
    for left in scratch.iterdir():
        _remove(left)


def remove_scratch_of(scratch: Path, job_ids: Iterable[str]) -> None:
    """Remove what was made of jobs that are gone."""
    wanted = set(job_ids)
    for left in scratch.iterdir():
        if left.name[:_ID_LENGTH] in wanted:
            with contextlib.suppress(FileNotFoundError):
                _remove(left)


def _remove(left: Path) -> None:
    """Remove a file, or the directory of a fitting that was killed."""
    if left.is_dir():
        shutil.rmtree(left)
    else:
        left.unlink()


def _is_old(blob: Blob) -> bool:
    return time.time() - blob.modified_at > _YOUNG_SECONDS


# -- queries ---------------------------------------------------------------------------------------

_JOB_BLOBS = union_all(
    select(jobs.c.output.label("blob"), jobs.c.state, jobs.c.finished_at).where(
        jobs.c.output.is_not(None)
    ),
    select(jobs.c.withheld, jobs.c.state, jobs.c.finished_at).where(jobs.c.withheld.is_not(None)),
    select(attachments.c.blob, jobs.c.state, jobs.c.finished_at).join(
        jobs, jobs.c.id == attachments.c.job_id
    ),
).subquery()
_FINISHED_IDS = select(jobs.c.id).where(jobs.c.state.not_in(UNFINISHED))


def unneeded(connection: Connection, *, before: datetime | None = None) -> list[str]:
    """Return blobs that only finished jobs name (all ``before`` then), the oldest first."""
    finished = func.max(_JOB_BLOBS.c.finished_at)
    unfinished = func.max(case((_JOB_BLOBS.c.state.in_(UNFINISHED), 1), else_=0))
    blob = _JOB_BLOBS.c.blob
    is_no_lora = blob.not_in(select(loras.c.blob))  # these go when their owners say so
    samples = select(jobs.c.output).where(jobs.c.user_id == BOT, jobs.c.output.is_not(None))
    kept = is_no_lora & blob.not_in(samples)  # a sample stays as long as what it shows
    query = select(blob).where(kept).group_by(blob).having(unfinished == 0)
    if before is not None:
        query = query.having(finished < before)
    return list(connection.execute(query.order_by(finished).limit(_MOST)).scalars())


def forget(connection: Connection, names: Sequence[str]) -> None:
    """Let finished jobs name these no more; an unfinished one that came meanwhile goes on to."""
    connection.execute(
        update(jobs)
        .where(jobs.c.output.in_(names), jobs.c.state.not_in(UNFINISHED))
        .values(output=None)
    )
    connection.execute(
        update(jobs)
        .where(jobs.c.withheld.in_(names), jobs.c.state.not_in(UNFINISHED))
        .values(withheld=None)
    )
    connection.execute(
        delete(attachments).where(
            attachments.c.blob.in_(names), attachments.c.job_id.in_(_FINISHED_IDS)
        )
    )


def referenced(connection: Connection, names: Sequence[str]) -> set[str]:
    """Return those of ``names`` that a row names."""
    kept = (
        select(column).where(column.in_(names))
        for column in (_JOB_BLOBS.c.blob, drafts.c.blob, loras.c.blob)
    )
    return set(connection.execute(union_all(*kept)).scalars()) | _beside_drafts(connection)


def all_referenced(connection: Connection) -> set[str]:
    """Return all blobs that a row names."""
    columns = (_JOB_BLOBS.c.blob, drafts.c.blob, loras.c.blob)
    found = connection.execute(union_all(*map(select, columns))).scalars()
    return {name for name in found if name} | _beside_drafts(connection)


def _beside_drafts(connection: Connection) -> set[str]:
    """Return what came with a draft's source: LoRAs, and the picture to begin from."""
    contents = connection.execute(select(drafts.c.content)).scalars()
    return {file["blob"] for content in contents for file in content.get("files", ())}
