"""How a job ends: its result kept and delivered, its owner notified. See ``bot.jobs.service``.

A job is not over before its owner has the result or the reason, and the row says so; whatever is
interrupted in between is done again by the next start, with ``again`` so that nothing comes twice.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.core.errors import (
    AppealableError,
    StorageError,
    UndeliverableError,
    WithheldError,
)
from bot.jobs.gate import Gate, check_may_post
from bot.jobs.notifier import Notifier, Posted
from bot.jobs.outcomes import MadeFile
from bot.jobs.request_files import without_paths
from bot.jobs.store import JobStore, now
from bot.storage.blobs import BlobStore
from bot.storage.models import Job, State
from generator.contract.errors import Failure, FailureKind
from generator.contract.text import Text
from generator.media.comment import without_comment

logger = logging.getLogger(__name__)

_NOT_SAVED = Text(
    "It was made, but couldn't be saved on the bot's disk; please tell whoever runs the bot, "
    "then try again."
)
_NOT_WRITTEN = Text(
    "The GIF couldn't be written to the bot's disk; please tell whoever runs the bot."
)
_INTERNAL_ERROR = Text(
    "It was made, but something went wrong inside the bot while sending it; the details are "
    "in its log."
)
_ALLOWED_AND_GONE = Text(
    "It was allowed, but its file is no longer stored. Ask for it again if you still want it; the "
    "new one is checked like any other."
)
_INTERRUPTED = Text(
    "The bot had to go back to a backup from before this GIF was finished, and it wasn't found "
    "here either. You can have it made again."
)


class JobCompleter:
    """Ends jobs: keeps and delivers results, or says why there is none."""

    def __init__(self, store: JobStore, notifier: Notifier, blobs: BlobStore, gate: Gate) -> None:
        self._store = store
        self._notifier = notifier
        self._blobs = blobs
        self._gate = gate

    async def complete(self, job: Job, made: MadeFile) -> None:
        """Keep the file that a worker made, and deliver it."""
        kept = await self._keep(job, made)
        if kept is not None:
            await self.deliver(*kept, again=False)

    async def _keep(self, job: Job, made: MadeFile) -> tuple[Job, Path] | None:
        """Return the job, on its way now, and its file; None where the job ended otherwise."""
        with self._blobs.pinned():
            try:
                size = made.size_bytes
                if not job.origin.with_recipe:
                    size = await asyncio.to_thread(_remove_recipe, made.path)
                name = await asyncio.to_thread(self._blobs.adopt, made.path)
            except (StorageError, OSError):
                logger.exception("the finished file can't be kept")
                await self.fail(job, Failure(FailureKind.DISK, _NOT_SAVED, is_retryable=True))
                return None
            file = self._blobs.path(name)
            moved = await self._store.move_with_retry(
                job,
                State.DELIVERING,
                output=name,
                seconds=made.seconds,
                size_bytes=size,
            )
        if moved is None:  # it was cancelled, and its row may even be erased
            await self._store.drop_file(self._blobs, name)
            return None
        return moved, file

    async def deliver(self, job: Job, file: Path, *, again: bool) -> None:
        """Bring the kept file to its owner as the gate allows, or the reason why not.

        ``again``: an earlier run may have brought it.
        """
        try:
            is_spoiler = await check_may_post(self._gate, job, file, job.origin.guild_id)
            posted = await self._notifier.deliver(job, file, is_spoiler=is_spoiler, again=again)
        except WithheldError as error:
            # a row that names no file leaves nothing to show, to edit or to make anew from
            is_kept = isinstance(error, AppealableError) and not job.origin.is_background
            kept = job.output if is_kept else None
            await self.fail(job, Failure.of(error), output=None, withheld=kept)
            return
        except UndeliverableError as error:
            await self.fail(job, Failure.of(error))
            return
        except Exception:  # a bug must not leave a job between two states for ever
            logger.exception("the delivery failed")
            await self.fail(job, Failure(FailureKind.INTERNAL, _INTERNAL_ERROR))
            return
        await self._done(job, posted)

    async def release(self, job: Job, allowed_by: int) -> None:
        """Deliver a file that was withheld, as a moderator decided; once, whoever asks for it."""
        moved = await self._store.move_with_retry(
            job,
            State.DELIVERING,
            output=job.withheld,
            withheld=None,
            allowed_by=allowed_by,
            error=None,
            reason=None,
            failure_kind=None,
            failure_is_retryable=None,
            finished_at=None,
            owner_notified=False,
        )
        if moved is None:
            return
        if (file := self.result_file(moved)) is not None:
            await self.deliver(moved, file, again=False)
        else:
            await self.settle_allowed(moved)

    async def fail(self, job: Job, failure: Failure, **values: Any) -> None:
        """End a job without a result, and tell its owner why."""
        failed = await self._store.move_with_retry(
            job,
            State.FAILED,
            error=str(failure),
            reason=failure.text.to_dict(),
            failure_kind=failure.kind,
            failure_is_retryable=failure.is_retryable,
            finished_at=now(),
            **values,
        )
        if failed is not None:
            await self.notify_owner(failed)

    async def settle_interrupted(self, job: Job) -> None:
        """End a job that a backup had unfinished: as done where its result was posted since then,
        else with an offer to its owner. Nothing is made again unasked.
        """
        await self._settle(job, Failure(FailureKind.INTERRUPTED, _INTERRUPTED, is_retryable=True))

    async def settle_allowed(self, job: Job) -> None:
        """End a job whose file somebody allowed, and which is gone: made again, it would be another
        file, which nobody has looked at.
        """
        await self._settle(job, Failure(FailureKind.UNDELIVERABLE, _ALLOWED_AND_GONE))

    async def _settle(self, job: Job, failure: Failure) -> None:
        try:
            posted = await self._notifier.find_result(job)
        except UndeliverableError as error:
            logger.warning("nobody knows whether it was posted: %s", error)
            posted = None
        if posted is None:
            # a row that names no file leaves nothing to show
            await self.fail(job, failure, output=None)
        else:
            await self._done(job, posted)

    async def _done(self, job: Job, posted: Posted | None) -> None:
        await self._store.move_with_retry(
            job,
            State.DONE,
            finished_at=now(),
            message_id=posted.message_id if posted else None,
            message_channel_id=posted.channel_id if posted else None,
            owner_notified=True,
            token="",  # nobody needs it any more
        )

    async def notify_owner(self, job: Job, *, again: bool = False) -> None:
        """Tell a job's owner how it ended; ``again``: an earlier run may have done so."""
        try:
            await self._notifier.notify_owner(job, again=again)
        except UndeliverableError as error:
            logger.warning("nobody could be told: %s", error)
        await self._store.note_owner_notified(job)

    def result_file(self, job: Job) -> Path | None:
        """Return the kept file of a job that is being delivered; None where it is gone."""
        file = self._blobs.path(job.output) if job.output else None
        return file if file is not None and file.exists() else None


def shown_failure(failure: Failure) -> Failure:
    """Return what a job's owner may read: nothing of the bot's directories, which its log has."""
    if failure.kind is FailureKind.DISK:
        logger.error("%s", failure)
        return replace(failure, text=_NOT_WRITTEN)
    return replace(failure, text=without_paths(failure.text))


def _remove_recipe(file: Path) -> int:
    """Return how many bytes the file has then."""
    return file.write_bytes(without_comment(file.read_bytes()))
