"""What the job service needs of whoever talks to Discord. No Discord here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.storage.models import Job


@dataclass(frozen=True, slots=True)
class Posted:
    """The message in which a result stands now."""

    message_id: int
    channel_id: int


class Notifier(Protocol):
    """Brings things to a job's owner, and to the bot's."""

    def track(self, job: Job) -> None:
        """Keep a job's progress message up to date from now on; one that runs, more often."""

    async def deliver(
        self, job: Job, file: Path, *, is_spoiler: bool, again: bool
    ) -> Posted | None:
        """Post the result, behind a cover where it ``is_spoiler``. Raises UndeliverableError.

        ``again``: an earlier try may have got through, so look first. None where nobody waits.
        """

    async def find_result(self, job: Job) -> Posted | None:
        """Return where a job's result was posted by a run that the database knows nothing of.

        Raises UndeliverableError where nobody can say.
        """

    async def notify_owner(self, job: Job, *, again: bool) -> None:
        """Tell a job's owner how it ended. Raises UndeliverableError."""

    async def take_down(self, job: Job) -> bool:
        """Take a result out of its message, or the message away; return whether that was done.

        Its row is gone already.
        """

    async def alert(self, words: str) -> None:
        """Tell whoever runs the bot; nothing is lost where that fails."""


class PeoplesNotifier:
    """Brings people what is theirs; what the bot makes for itself is brought to nobody."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    def track(self, job: Job) -> None:
        """Keep the progress message of a person's job up to date."""
        if not job.origin.is_background:
            self._notifier.track(job)

    async def deliver(
        self, job: Job, file: Path, *, is_spoiler: bool, again: bool
    ) -> Posted | None:
        """Post a person's result."""
        if job.origin.is_background:
            return None
        return await self._notifier.deliver(job, file, is_spoiler=is_spoiler, again=again)

    async def find_result(self, job: Job) -> Posted | None:
        """Return where a person's result was posted."""
        if job.origin.is_background:
            return None
        return await self._notifier.find_result(job)

    async def notify_owner(self, job: Job, *, again: bool) -> None:
        """Tell a person how their job ended."""
        if not job.origin.is_background:
            await self._notifier.notify_owner(job, again=again)

    async def take_down(self, job: Job) -> bool:
        """Take away what was posted of a job."""
        return await self._notifier.take_down(job)

    async def alert(self, words: str) -> None:
        """Tell whoever runs the bot."""
        await self._notifier.alert(words)
