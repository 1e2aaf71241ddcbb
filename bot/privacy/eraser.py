"""Erases everything of a person's, or of a server that removed the bot, while the bot runs.

First nothing new of that person's is accepted, what waits or runs is cancelled, and what is on its
way is waited for or withheld; then rows go, a few in each write; then files, and last the messages
that the bot may delete, which can take long. Where all of that stands is in the database
(``bot.storage.erasure``), so a bot that was killed goes on with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NoReturn, Protocol

from bot.core.errors import RefusedError, StorageError
from bot.jobs.background import BackgroundTasks
from bot.jobs.service import JobService
from bot.jobs.transitions import TransitionStream
from bot.privacy.leaving import LeavingPeople
from bot.privacy.steps import erase_files, erase_rows
from bot.storage import erasure as rows
from bot.storage import guilds
from bot.storage.blobs import BlobStore
from bot.storage.database import Database
from bot.storage.erasure import Subject
from bot.storage.erasure_ledger import ErasureLedger
from bot.storage.models import BOT
from bot.storage.retention import remove_scratch_of
from generator.contract.text import Text

logger = logging.getLogger(__name__)

_EVERY_SECONDS = 30.0  # between two looks for what somebody asked for on the command line
_LOOK_SECONDS = 1.0  # at jobs that don't end
_TOLD_LOOKS, _TOLD_PAUSE = 300, 0.2  # for the last words on jobs that were cancelled; seconds
_UNDER_WAY = Text("Your data is already being erased.")


class Removal(enum.Enum):
    """What became of a message that was to be deleted."""

    GONE = enum.auto()
    STAYS = enum.auto()  # the bot may not delete it
    LATER = enum.auto()  # Discord can't be reached


class MessageRemover(Protocol):
    """Deletes the bot's own messages."""

    async def remove(self, channel_id: int, message_id: int) -> Removal:
        """Delete a message; one that isn't there is gone."""


Tell = Callable[[], Awaitable[None]]
"""Tells somebody that no row and no file of theirs is left."""


class Eraser:
    """``forget_cached`` makes the bot's memory follow once rows are gone."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        scratch: Path,
        *,
        jobs: JobService,
        transitions: TransitionStream,
        leaving: LeavingPeople,
        remover: MessageRemover,
        ledger: ErasureLedger,
        server_days: float,
        forget_cached: Callable[[Subject], Awaitable[None]],
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._scratch = scratch
        self._jobs = jobs
        self._leaving = leaving
        self._remover = remover
        self._ledger = ledger
        self._server_age = timedelta(days=server_days)
        self._forget_cached = forget_cached
        self._tasks = BackgroundTasks()
        self._at_work: set[int] = set()  # people whose rows go just now
        self._tell: dict[int, Tell] = {}
        self._asked = asyncio.Event()
        self._messages_left = asyncio.Event()
        self._moved = asyncio.Event()  # a job of somebody's
        transitions.subscribe(lambda _: self._moved.set())

    async def begin(self, user_id: int, tell: Tell) -> None:
        """Have everything of a person's erased from now on.

        Raises RefusedError where that is under way, and StorageError.
        """
        if not await self._database.write(rows.begin, user_id, datetime.now(UTC)):
            raise RefusedError(_UNDER_WAY)
        self._leaving.add(user_id)
        self._tell[user_id] = tell
        self._asked.set()

    async def run(self) -> NoReturn:
        """Erase what was asked for, by this process or another, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._remove_messages())
                while True:
                    await self._erase_what_is_due()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_EVERY_SECONDS):
                            await self._asked.wait()
                    self._asked.clear()
        finally:
            await self._tasks.cancel()

    async def _erase_what_is_due(self) -> None:
        try:
            for one in await self._database.read(rows.pending):
                if not one.rows_are_gone and one.user_id not in self._at_work:
                    self._leaving.add(one.user_id)
                    self._at_work.add(one.user_id)
                    self._tasks.start(self._erase_person(one.user_id, one.requested_at))
            await self._erase_servers()
            await self._erase_files()
        except (StorageError, OSError) as error:
            logger.warning("an erasure continues later: %s", error)
        except Exception:  # a bug here is no reason for the bot to end
            logger.exception("an erasure failed and will be tried again")

    # -- a person ----------------------------------------------------------------------------------

    async def _erase_person(self, user_id: int, asked_at: datetime) -> None:
        try:
            await asyncio.to_thread(self._ledger.note, user_id, asked_at)
            ended = await self._end_jobs(user_id)
            await self._leaving.wait_until_unserved(user_id)
            ended |= await self._end_jobs(user_id)  # what was being accepted then
            await erase_rows(self._database, Subject(user_id))
            await self._forget_cached(Subject(user_id))
            await asyncio.to_thread(remove_scratch_of, self._scratch, ended)
            await self._database.write(rows.note_rows_gone, user_id)
            self._leaving.discard(user_id)
            await self._erase_files()
            await self._database.scrub()
        except (StorageError, OSError) as error:
            logger.warning("an erasure continues later: %s", error)
            return
        finally:
            self._at_work.discard(user_id)
        self._messages_left.set()
        logger.info("erased all rows and files of a person", extra={"user": user_id})
        if (tell := self._tell.pop(user_id, None)) is not None:
            await tell()

    async def _end_jobs(self, user_id: int) -> set[str]:
        """Cancel what a person has waiting or running, and wait for its end; return its ids."""
        ended: set[str] = set()
        while unfinished := self._jobs.waiting_or_running(user_id):
            self._moved.clear()
            for status in unfinished:
                ended.add(status.job.id)
                with contextlib.suppress(RefusedError):  # it is on its way: the gate withholds it
                    await self._jobs.cancel(status.job.id, by=user_id)
            if self._jobs.waiting_or_running(user_id):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_SECONDS):
                        await self._moved.wait()
        for _ in range(_TOLD_LOOKS):
            if not await self._database.read(rows.owners_untold, user_id):
                break
            await asyncio.sleep(_TOLD_PAUSE)
        return ended

    # -- servers and files -------------------------------------------------------------------------

    async def _erase_servers(self) -> None:
        before = datetime.now(UTC) - self._server_age
        for guild_id in await self._database.read(guilds.left_before, before):
            subject = Subject(guild_id, is_server=True)
            await erase_rows(self._database, subject)
            await self._forget_cached(subject)
            await self._database.write(guilds.forget, guild_id)
            await self._database.scrub()
            logger.info("erased what a server set", extra={"server": guild_id})

    async def _erase_files(self) -> None:
        files_left: int = await self._database.read(rows.files_left)
        if not files_left:
            return
        for job_id in await erase_files(self._database, self._blobs):
            with contextlib.suppress(RefusedError):  # it is looked at again
                await self._jobs.cancel(job_id, by=BOT)

    # -- messages ----------------------------------------------------------------------------------

    async def _remove_messages(self) -> NoReturn:
        """Delete messages one after another, as Discord allows it."""
        while True:
            try:
                while await self._remove_some():
                    pass
            except StorageError as error:
                logger.warning("messages are deleted later: %s", error)
            except Exception:  # as above
                logger.exception("messages couldn't be deleted, which is tried again")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_EVERY_SECONDS):
                    await self._messages_left.wait()
            self._messages_left.clear()

    async def _remove_some(self) -> bool:
        """Return whether there was anything to do, and Discord could be reached."""
        found = await self._database.read(rows.some_messages)
        for message in found:
            user_id, *place = message
            outcome = await self._remover.remove(*place)
            if outcome is Removal.LATER:
                return False
            if outcome is Removal.STAYS:
                logger.info("a message stays, since the bot may not delete it")
            if await self._database.write(rows.note_message_gone, message):
                await self._database.scrub()
                logger.info("an erasure is over", extra={"user": user_id})
        return bool(found)
