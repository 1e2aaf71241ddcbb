"""The unfinished jobs, in memory and in the database, and the one place where a state changes.

Each change is written to the row first, on the condition that the row still stands in the state and
attempt it was read in; only then does the memory follow. Where it doesn't, somebody else was first
and nothing happens. Why a job changes, and what follows from it, is the service's business.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.core.errors import StorageError
from bot.jobs.queue import Quota, too_many_here
from bot.storage import jobs as rows
from bot.storage.database import Database
from bot.storage.models import Attachment, Job, Origin, State, can_move
from generator.contract.messages import Request

logger = logging.getLogger(__name__)

_PAGE = 100  # rows at a time, so that everything else gets its turn meanwhile
RETRY_SECONDS = 5.0  # after a write that the database didn't take


class JobStore:
    """Holds what is unfinished; the database has the truth."""

    def __init__(self, database: Database, quota: Quota) -> None:
        self._database = database
        self._quota = quota
        self._live: dict[str, Job] = {}
        self._running = 0
        self._pending_bytes = 0
        self._answers: dict[str, int] = {}  # progress messages that no row knows of yet

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._live.values()))

    def __len__(self) -> int:
        return len(self._live)

    def get(self, job_id: str) -> Job | None:
        """An unfinished job; None when it is over."""
        return self._live.get(job_id)

    @property
    def running(self) -> int:
        """How many workers are at."""
        return self._running

    @property
    def pending_bytes(self) -> int:
        """About how much the files of all unfinished jobs will take."""
        return self._pending_bytes

    async def add(
        self,
        origin: Origin,
        request: Request,
        model: str,
        attachments: Sequence[Attachment] = (),
        *,
        server_limit: int | None = None,
    ) -> Job:
        """A new job, on disk. ``server_limit``: how many its owner may have unfinished there,
        decided in the transaction that adds it. Raises NotAcceptedError, and nothing was kept.
        """
        job_id = uuid.uuid4().hex
        self._quota.reserve(job_id, origin.user_id)
        try:
            job = await self._database.write(
                rows.add_within,
                job_id,
                server_limit,
                origin=origin,
                request=request,
                model=model,
                now=now(),
                attachments=attachments,
            )
        except BaseException:
            self._quota.release(job_id)
            raise
        if job is None:
            self._quota.release(job_id)
            raise too_many_here(server_limit or 0)
        self._update_cache(job)
        return job

    async def load(self) -> AsyncIterator[Job]:
        """What an earlier run left unfinished, in order of acceptance. Before anything is added."""
        last = 0
        while found := await self._database.read(rows.unfinished, after=last, limit=_PAGE):
            last = found[-1].number
            for job in found:
                self._update_cache(job)
                self._quota.restore(job.id, job.user_id)
                yield job

    async def owner_not_notified(self) -> list[Job]:
        """Jobs that are over, whose owners may not have heard of it."""
        return await self._database.read(rows.owner_not_notified)

    async def move(self, job: Job, state: State, **values: Any) -> Job | None:
        """Changes a state; None where the row had moved on. Raises StorageError."""
        if not can_move(job.state, state):
            raise ValueError(f"a job can't go from {job.state} to {state}")
        if job.id in self._answers:
            values["answer_id"] = self._answers[job.id]
        moved = await self._database.write(rows.move, job, state, **values)
        if moved is None:
            logger.info("stayed: it is not %s any more", job.state, extra={"job": job.id})
            await self._reload(job.id)
            return None
        logger.info("%s, attempt %d", moved.state, moved.attempt, extra={"job": job.id})
        self._answers.pop(job.id, None)
        self._update_cache(moved)
        return moved

    async def move_with_retry(self, job: Job, state: State, **values: Any) -> Job | None:
        """As ``move``, again and again while the database doesn't take it."""
        while True:
            try:
                return await self.move(job, state, **values)
            except StorageError:
                await asyncio.sleep(RETRY_SECONDS)

    async def note_owner_notified(self, job: Job) -> None:
        """Its owner knows how it ended, or can't be told; the token has served its time."""
        while True:  # else the next start would tell it again
            try:
                await self._database.write(rows.note, job.id, owner_notified=True, token="")
            except StorageError:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    def note_answer(self, job_id: str, message_id: int | None) -> None:
        """Remembers the progress message, for when the interaction's token has expired.

        Written with the job's next change, so it costs no write of its own.
        """
        if message_id is not None and job_id in self._live:
            self._answers[job_id] = message_id

    async def save_answer(self, job_id: str) -> None:
        """Writes what ``note_answer`` was told now, for a job that waits long."""
        message_id = self._answers.pop(job_id, None)
        job = self._live.get(job_id)
        if job is None or message_id in (None, job.answer_id):
            return
        self._update_cache(replace(job, answer_id=message_id))
        try:
            await self._database.write(rows.note, job_id, answer_id=message_id)
        except StorageError as error:
            logger.info("the progress message is noted with the next change: %s", error)
            if message_id is not None and job_id in self._live:
                self._answers.setdefault(job_id, message_id)

    async def _reload(self, job_id: str) -> None:
        """The row is right, whatever was thought here."""
        row = await self._database.read(rows.get, job_id)
        if row is not None and job_id in self._live:
            self._update_cache(row)

    def _update_cache(self, job: Job) -> None:
        """The memory follows the row."""
        before = self._live.pop(job.id, None)
        self._running += (job.state is State.RUNNING) - (
            before is not None and before.state is State.RUNNING
        )
        self._pending_bytes += (not job.state.is_final) * estimated_bytes(job.request) - (
            estimated_bytes(before.request) if before else 0
        )
        if job.state.is_final:
            self._quota.release(job.id)
        else:
            self._live[job.id] = job


def estimated_bytes(request: Request) -> int:
    """About how large its file will be: a GIF has a byte a pixel, and half of that once packed."""
    return request.width * request.height * request.video_length // 2


def now() -> datetime:
    """The time that rows are stamped with."""
    return datetime.now(UTC)
