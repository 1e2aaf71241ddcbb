"""Samples: GIFs that show what a LoRA or a style does, made by the bot for itself.

Each is made once, as a job in the background that takes no worker from a person, and kept until
what it shows is gone. Whoever wants to see one asks for it; it may be there later.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.core.errors import RefusedError, StorageError
from bot.jobs.background import BackgroundTasks
from bot.jobs.gate import Actor, Place
from bot.jobs.service import JobService
from bot.jobs.store import now
from bot.jobs.transitions import Transition, TransitionStream
from bot.storage import samples as rows
from bot.storage.blobs import BlobStore
from bot.storage.database import Database
from bot.storage.models import BOT, Attachment, Job, Origin, State
from bot.storage.retention import drop_unreferenced
from generator.contract.messages import Request

logger = logging.getLogger(__name__)

_MOST_AT_ONCE = 2  # of jobs: so a person's job is never behind many of these in the database
_MOST_WANTED = 200  # that wait for these; others are asked for again
_TRY_AGAIN = timedelta(hours=1)  # after a failure that may pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What a sample is made of: the request, the model that makes it, and the request's files."""

    request: Request
    model: str
    files: tuple[Attachment, ...] = ()

    @property
    def key(self) -> str:
        """What it hangs on: other words, another file or another model is another sample."""
        content = json.dumps([self.model, self.request.to_dict()], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:32]


class SampleMaker:
    """Looks samples up, and has those made that are missing."""

    def __init__(
        self, jobs: JobService, transitions: TransitionStream, database: Database, blobs: BlobStore
    ) -> None:
        self._jobs = jobs
        self._database = database
        self._blobs = blobs
        self._wanted: dict[str, Sample] = {}
        self._making: set[str] = set()
        self._tasks = BackgroundTasks()
        transitions.subscribe(self._follow)

    async def look_up(self, samples: Sequence[Sample]) -> list[Job | None]:
        """Return what became of each by now, None where nothing did; have the missing ones made."""
        keys = [sample.key for sample in samples]
        found = await self._database.read(rows.find, keys)
        gone = [key for key, job in found.items() if _may_be_made_again(job)]
        await self.forget(gone)
        missing = [one for one in samples if one.key in gone or one.key not in found]
        for sample in missing:
            if len(self._wanted) < _MOST_WANTED and sample.key not in self._making:
                self._wanted.setdefault(sample.key, sample)
        self._go_on()
        return [None if key in gone else found.get(key) for key in keys]

    async def forget(self, keys: Collection[str]) -> None:
        """Delete samples of what is gone; one that is being made is ended."""
        if not keys:
            return
        for key in keys:
            self._wanted.pop(key, None)
        for job_id in await self._database.read(rows.unfinished, list(keys)):
            try:
                await self._jobs.cancel(job_id, by=BOT)
            except RefusedError as error:  # it is on its way; the next start deletes it
                logger.info("a sample is deleted later: %s", error)
        blobs = await self._database.write(rows.forget, list(keys))
        await drop_unreferenced(self._database, self._blobs, blobs)

    async def every(self) -> list[Job]:
        """Return the jobs of all samples."""
        return await self._database.read(rows.every)

    # -- one after another -------------------------------------------------------------------------

    def _follow(self, transition: Transition) -> None:
        job = transition.after
        if not job.origin.is_background:
            return
        key = job.origin.parent_id or ""
        if not job.state.is_final:
            self._making.add(key)
        else:
            self._making.discard(key)
            self._go_on()

    def _go_on(self) -> None:
        while self._wanted and len(self._making) < _MOST_AT_ONCE:
            key = next(iter(self._wanted))
            self._making.add(key)
            self._tasks.start(self._submit(self._wanted.pop(key)))

    async def _submit(self, sample: Sample) -> None:
        origin = Origin(
            application_id=0,
            token="",
            asked_at=now(),
            user_id=BOT,
            user_name="",
            channel_id=0,
            private=True,
            with_recipe=False,
            parent_id=sample.key,
            relation=rows.SAMPLE,
        )
        actor = Actor(user_id=BOT)
        place = Place(is_age_restricted=True)  # whoever shows it asks whether it may be shown there
        try:
            async with self._jobs.accept(
                origin, sample.request, sample.files, actor=actor, place=place
            ):
                pass
        except (RefusedError, StorageError) as error:
            logger.info("a sample isn't made for now: %s", error)
            self._making.discard(sample.key)


def _may_be_made_again(job: Job) -> bool:
    """Return whether a job left no sample, for no reason that lasts."""
    if job.state is State.DONE:
        return job.output is None
    may_pass = job.state is State.CANCELLED or bool(job.failure_is_retryable)
    ended = job.finished_at or job.created_at
    return job.state.is_final and may_pass and now() - ended > _TRY_AGAIN
