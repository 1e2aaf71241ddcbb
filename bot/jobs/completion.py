"""How a job ends: its master kept, its result delivered, its owner told. See ``bot.jobs.service``.

A job is not over before its owner has the result or the reason, and the row says so; whatever is
interrupted in between is done again by the next start, with ``again`` so that nothing comes twice.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

from bot.core.errors import StorageError, UndeliverableError
from bot.jobs.notifier import Notifier
from bot.jobs.store import JobStore, now
from bot.storage.blobs import BlobStore
from bot.storage.models import Job, State
from generator.contract.errors import Failure, FailureKind
from generator.contract.messages import Finished
from generator.contract.text import Text
from generator.media.comment import without_comment

logger = logging.getLogger(__name__)

_NOT_SAVED = Text(
    "It was made, but couldn't be saved on the bot's disk; please tell whoever runs the bot, "
    "then try again."
)
_INTERNAL_ERROR = Text(
    "It was made, but something went wrong inside the bot while sending it; the details are "
    "in its log."
)


class JobCompleter:
    """The end of every job."""

    def __init__(self, store: JobStore, notifier: Notifier, blobs: BlobStore) -> None:
        self._store = store
        self._notifier = notifier
        self._blobs = blobs

    async def complete(self, job: Job, outcome: Finished) -> None:
        """Keeps the file that a worker wrote, and delivers it."""
        with self._blobs.pinned():
            try:
                output = await asyncio.to_thread(self._adopt, job, Path(outcome.output))
            except StorageError as error:
                logger.exception("the finished file can't be kept")
                await self.fail(job, Failure.of(error, _NOT_SAVED))
                return
            made = await self._store.move_with_retry(
                job,
                State.DELIVERING,
                output=output,
                seconds=outcome.seconds,
                size_bytes=outcome.size_bytes,
            )
        if made is not None:
            await self.deliver(made, again=False)

    def _adopt(self, job: Job, file: Path) -> str:
        """Raises StorageError."""
        if not job.origin.with_recipe:
            file.write_bytes(without_comment(file.read_bytes()))
        return self._blobs.adopt(file)

    async def deliver(self, job: Job, *, again: bool) -> None:
        """Brings the kept file to its owner, or the reason why not."""
        try:
            posted = await self._notifier.deliver(job, self._result_file(job), again=again)
        except UndeliverableError as error:
            await self.fail(job, Failure.of(error))
            return
        except Exception:  # a bug must not leave a job between two states for ever
            logger.exception("the delivery failed")
            await self.fail(job, Failure(FailureKind.INTERNAL, _INTERNAL_ERROR))
            return
        await self._store.move_with_retry(
            job,
            State.DONE,
            finished_at=now(),
            message_id=posted.message_id,
            message_channel_id=posted.channel_id,
            owner_notified=True,
            token="",  # nobody needs it any more
        )

    async def fail(self, job: Job, failure: Failure, **values: Any) -> None:
        """Ends a job without a result, and tells its owner why."""
        logger.info(
            "no result: %s%s", failure.kind, ", may be retried" if failure.is_retryable else ""
        )
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

    async def notify_owner(self, job: Job, *, again: bool = False) -> None:
        """Says how it ended; ``again``: an earlier run may have said so."""
        try:
            await self._notifier.notify_owner(job, again=again)
        except UndeliverableError as error:
            logger.warning("nobody could be told: %s", error)
        await self._store.note_owner_notified(job)

    def has_result_file(self, job: Job) -> bool:
        """Whether the file of one that is being delivered is still there."""
        return bool(job.output) and self._result_file(job).exists()

    def _result_file(self, job: Job) -> Path:
        return self._blobs.path(job.output or "")
