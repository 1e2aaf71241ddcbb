"""Who hears what workers do with jobs between two transitions, such as the stages of a trace."""

from __future__ import annotations

from bot.jobs.outcomes import MadeFile
from generator.contract.messages import Progress


class WorkObserver:
    """Is told in the event loop, and has to be quick: a worker may say a thousand things a second.

    What an observer has no use for it leaves as it is.
    """

    def job_handed(self, job_id: str, device: str) -> None:
        """Note that a worker has a job, maybe behind another."""

    def job_begun(self, job_id: str) -> None:
        """Note that its worker is at it."""

    def job_progressed(self, progress: Progress) -> None:
        """Note how far a running job is."""

    def job_made(self, device: str, made: MadeFile) -> None:
        """Note that a worker has made a job's file."""
