"""The unfinished jobs, in memory and in the database, and the one place where a state changes.

Each change is written to the row first, on the condition that the row still stands in the state and
attempt it was read in; only then does the memory follow. Where it doesn't, somebody else was first
and nothing happens. Why a job changes, and what follows from it, is the service's business; whoever
wants to know that it did subscribes to ``transitions``.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from bot.core.errors import NotAcceptedError, StorageError
from bot.jobs.gate import Admission, UnfinishedLimit
from bot.jobs.transitions import Transition, TransitionStream
from bot.storage import appeals, shares
from bot.storage import jobs as rows
from bot.storage.blobs import BlobStore
from bot.storage.database import Database
from bot.storage.models import BOT, TRANSITIONS, UNFINISHED, Attachment, Job, Origin, State
from bot.storage.retention import drop_unreferenced
from generator.contract.messages import Request
from generator.contract.request_shape import remembered_by_shape
from generator.contract.stages import output_size

T = TypeVar("T")

logger = logging.getLogger(__name__)

_PAGE = 100  # rows at a time, so that everything else gets its turn meanwhile
RETRY_SECONDS = 5.0  # after a write that the database didn't take


class _UnfinishedJobs:
    """The jobs by id, with their sums and groups kept beside them: every command asks for those."""

    def __init__(self) -> None:
        self.by_id: dict[str, Job] = {}
        self.ids_by_group: dict[str, dict[str, None]] = {}
        self.by_owner: dict[int, dict[str, Job]] = {}
        self.running_count = self.background_count = 0
        self.pending_bytes = 0

    def put(self, job: Job) -> None:
        """Take in a job as it stands now; one that is over goes."""
        if (before := self.by_id.pop(job.id, None)) is not None:
            self._count(before, -1)
            self._drop_from_owner(before)
        if job.state in UNFINISHED:
            self.by_id[job.id] = job
            self.by_owner.setdefault(job.user_id, {})[job.id] = job
            self._count(job, 1)

    def _count(self, job: Job, change: int) -> None:
        if job.origin.is_background:
            self.background_count += change
        else:
            self.running_count += change * (job.state is State.RUNNING)
        self.pending_bytes += change * estimated_bytes(job.request)
        if (group_id := job.origin.group_id) is not None:
            self._regroup(job.id, group_id, is_there=change > 0)

    def _drop_from_owner(self, job: Job) -> None:
        del self.by_owner[job.user_id][job.id]
        if not self.by_owner[job.user_id]:
            del self.by_owner[job.user_id]

    def _regroup(self, job_id: str, group_id: str, *, is_there: bool) -> None:
        if is_there:
            self.ids_by_group.setdefault(group_id, {})[job_id] = None
            return
        del self.ids_by_group[group_id][job_id]
        if not self.ids_by_group[group_id]:
            del self.ids_by_group[group_id]


class JobStore:
    """Holds at most ``size`` unfinished jobs of people; the database has the truth."""

    def __init__(self, database: Database, size: int) -> None:
        self._database = database
        self._size = size
        self._unfinished = _UnfinishedJobs()
        self._adding: dict[str, tuple[Origin, Request]] = {}  # by the ids of jobs being written
        self._answers: dict[str, int] = {}  # progress messages that no row knows of yet
        # by job: writes that failed as the database said, though they may have got through
        self._doubtful: set[tuple[str, State, int]] = set()
        self._writing: set[asyncio.Task[Any]] = set()
        self.transitions = TransitionStream()

    def configure(self, size: int) -> None:
        """Hold at most so many unfinished jobs from now on; those that there are stay."""
        self._size = size

    def __iter__(self) -> Iterator[Job]:
        return iter(list(self._unfinished.by_id.values()))

    def __len__(self) -> int:
        return len(self._unfinished.by_id)

    def get(self, job_id: str) -> Job | None:
        """Return an unfinished job; None when it is over."""
        return self._unfinished.by_id.get(job_id)

    def in_group(self, group_id: str) -> list[Job]:
        """Return the unfinished jobs of one message."""
        return [
            self._unfinished.by_id[each] for each in self._unfinished.ids_by_group.get(group_id, ())
        ]

    def asked_by(self, user_id: int) -> Iterator[tuple[Origin, Request]]:
        """Yield all that is unfinished of somebody's, with what is being written."""
        for job in self._unfinished.by_owner.get(user_id, {}).values():
            yield job.origin, job.request
        yield from (each for each in self._adding.values() if each[0].user_id == user_id)

    @property
    def running(self) -> int:
        """The number of people's jobs that workers have."""
        return self._unfinished.running_count

    @property
    def of_people(self) -> int:
        """The number of people's unfinished jobs."""
        return len(self) - self._unfinished.background_count

    @property
    def pending_bytes(self) -> int:
        """About how many bytes the files of all unfinished jobs will take."""
        return self._unfinished.pending_bytes

    async def add(
        self,
        origin: Origin,
        request: Request,
        model: str,
        attachments: Sequence[Attachment] = (),
        *,
        admission: Admission,
    ) -> Job:
        """Write a new job, within the limits of its ``admission``; that of its server is held to
        in the transaction that adds it. Raises RefusedError, and nothing was kept.
        """
        self._check_room(origin.user_id, admission)
        job_id = uuid.uuid4().hex
        self._adding[job_id] = origin, request
        return await self._to_the_end(
            self._add(
                job_id,
                admission.in_guild,
                origin=_with_priority(origin, admission.priority),
                request=request,
                model=model,
                now=now(),
                attachments=attachments,
            )
        )

    async def _add(self, job_id: str, in_guild: UnfinishedLimit | None, **values: Any) -> Job:
        try:
            job = await self._insert(job_id, in_guild, **values)
        finally:
            del self._adding[job_id]
        self._take_in(None, job)
        return job

    async def _insert(self, job_id: str, in_guild: UnfinishedLimit | None, **values: Any) -> Job:
        if in_guild is None:
            return await self._database.write(rows.add, job_id, **values)
        job = await self._database.write(rows.add_within, job_id, in_guild.most, **values)
        if job is None:
            raise in_guild.refusal(in_guild.most)
        return job

    async def load(self) -> AsyncIterator[Job]:
        """Yield what an earlier run left, in order of acceptance; before anything is added.

        It was accepted, so it has its right, whatever the quota is now.
        """
        last = 0
        while found := await self._database.read(rows.unfinished, after=last, limit=_PAGE):
            last = found[-1].number
            for job in found:
                self._take_in(None, job, is_recovered=True)
                yield job

    async def used_lately(self) -> dict[int, float]:
        """Return the seconds that people used, as they count now in the queue."""
        return await self._database.write(shares.load, now())

    async def owner_not_notified(self) -> list[Job]:
        """Return jobs that are over, whose owners may not know yet."""
        return await self._database.read(rows.owner_not_notified)

    async def allowed_not_delivered(self) -> list[tuple[Job, int]]:
        """Return jobs whose files were withheld and then allowed, and by whom."""
        return await self._database.read(appeals.allowed_not_delivered)

    async def move(self, job: Job, state: State, **values: Any) -> Job | None:
        """Change a state; None where the row had moved on. Raises StorageError."""
        if state not in TRANSITIONS[job.state]:
            raise ValueError(f"a job can't go from {job.state} to {state}")
        return await self._to_the_end(self._move(job, state, **values))

    async def _move(self, job: Job, state: State, **values: Any) -> Job | None:
        if job.id in self._answers:
            values["answer_id"] = self._answers[job.id]
        aim = (job.id, state, values.get("attempt", job.attempt))
        try:
            moved = await self._database.write(rows.move, job, state, **values)
        except StorageError:
            self._doubtful.add(aim)
            raise
        if moved is None:
            return await self._moved_already(job, aim)
        self._doubtful.discard(aim)
        self._answers.pop(job.id, None)
        self._take_in(job, moved)
        return moved

    async def _moved_already(self, job: Job, aim: tuple[str, State, int]) -> Job | None:
        """Return the row where a write that seemed to fail did get through.

        None where somebody else was first.
        """
        row = await self._reload(job.id)
        was_doubtful = aim in self._doubtful
        self._doubtful.discard(aim)
        if was_doubtful and row is not None and (row.id, *_stand(row)) == aim:
            self._answers.pop(job.id, None)
            return row
        logger.info("stayed: it is not %s any more", job.state, extra={"job": job.id})
        return None

    async def move_with_retry(self, job: Job, state: State, **values: Any) -> Job | None:
        """Change a state as ``move`` does, again and again while the database doesn't take it."""
        while True:
            try:
                return await self.move(job, state, **values)
            except StorageError:
                await asyncio.sleep(RETRY_SECONDS)

    async def note_owner_notified(self, job: Job) -> None:
        """Write that a job's owner knows how it ended, or can't be told; its token is forgotten."""
        while True:  # else the next start would tell it again
            try:
                await self._database.write(rows.note, job.id, owner_notified=True, token="")
            except StorageError:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    def note_answer(self, job_id: str, message_id: int | None) -> None:
        """Remember the progress message, for when the interaction's token has expired.

        Written with the job's next change, so it costs no write of its own.
        """
        if message_id is not None and job_id in self._unfinished.by_id:
            self._answers[job_id] = message_id

    async def drop_file(self, blobs: BlobStore, name: str) -> None:
        """Remove a file that was kept for a row that took no more; see ``drop_unreferenced``."""
        await drop_unreferenced(self._database, blobs, [name])

    async def save_answer(self, job_id: str) -> None:
        """Write now what ``note_answer`` was given, for a job that waits long."""
        message_id = self._answers.pop(job_id, None)
        job = self._unfinished.by_id.get(job_id)
        if job is None or message_id in (None, job.answer_id):
            return
        self._unfinished.put(replace(job, answer_id=message_id))
        try:
            await self._database.write(rows.note, job_id, answer_id=message_id)
        except StorageError as error:
            logger.info("the progress message is noted with the next change: %s", error)
            if message_id is not None and job_id in self._unfinished.by_id:
                self._answers.setdefault(job_id, message_id)

    async def _reload(self, job_id: str) -> Job | None:
        """Read the row again, and return it: it is right, whatever was thought here."""
        known = self.get(job_id)
        row = await self._database.read(rows.get, job_id)
        believed = self.get(job_id)
        if row is None or known is None or believed is None:
            return row
        if _stand(believed) != _stand(known):
            return None  # it moved on while it was read
        if _stand(row) == _stand(known):
            self._unfinished.put(row)
        else:  # a write that seemed to fail did get through
            self._take_in(known, row)
        return row

    def _take_in(self, before: Job | None, job: Job, *, is_recovered: bool = False) -> None:
        """Have the memory follow a row that was written, and everybody hear of it."""
        self._unfinished.put(job)
        self.transitions.publish(Transition(before, job, now(), is_recovered))

    async def _to_the_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Do work that is not cut off when whoever waits for it is cancelled.

        What was handed to the database will be written, so the memory has to follow.
        """
        task = asyncio.create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return await asyncio.shield(task)

    async def wait_until_written(self) -> None:
        """Wait for the writes whose callers were cancelled."""
        if self._writing:
            await asyncio.wait(self._writing)

    def _check_room(self, user_id: int, admission: Admission) -> None:
        """Raise RefusedError where there is no room for one more job of this person's.

        What the bot makes for itself takes no room from people.
        """
        per_person = admission.per_person
        own = sum(1 for _ in self.asked_by(user_id))
        number = self.of_people + sum(origin.user_id != BOT for origin, _ in self._adding.values())
        if per_person is not None and own >= per_person.most:
            raise per_person.refusal(own)
        if number >= self._size:
            raise NotAcceptedError(
                "The queue is full: {number} GIFs are waiting or running; please try again in a "
                "few minutes.",
                number=number,
            )
        admission.check_seconds()


def _with_priority(origin: Origin, priority: float) -> Origin:
    return origin if origin.priority == priority else replace(origin, priority=priority)


def _stand(job: Job) -> tuple[State, int]:
    """Return what every write of a state is conditional on."""
    return job.state, job.attempt


@remembered_by_shape
def estimated_bytes(request: Request) -> int:
    """Return about how large a file will be: a GIF has a byte a pixel, half of it once packed."""
    width, height = output_size(request)
    return width * height * request.video_length // 2


def now() -> datetime:
    """Return the time that rows are stamped with."""
    return datetime.now(UTC)
