"""What the workers need of the job service: jobs, and somebody to hear what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.core.errors import WorkerDiedError
from bot.jobs.outcomes import JobOutcome
from bot.jobs.queue import Ticket
from bot.storage.models import Job
from generator.contract.errors import Failure
from generator.contract.messages import Capabilities, Generate, Progress


class Work(Protocol):
    """Where jobs come from and who learns what becomes of them: the job service."""

    async def next_ticket(self, capabilities: Capabilities) -> Ticket:
        """Wait for the next ticket in turn that such a worker can make."""

    def take_waiting(self, capabilities: Capabilities, most: int, seconds: float) -> list[Ticket]:
        """Take out the tickets in turn that wait for such a worker, and for no model that it
        doesn't hold; none that another worker waits for, nor one behind others that may take
        longer than ``seconds`` together.
        """

    def take_companions(self, ticket: Ticket, capabilities: Capabilities) -> list[Ticket]:
        """Take out tickets whose jobs such a worker computes together with a drawn one's."""

    def return_ticket(self, ticket: Ticket) -> None:
        """Put back a ticket that was drawn, but that nobody is there to work on."""

    async def start_job(self, ticket: Ticket, device: str) -> tuple[Job, Generate] | None:
        """Return the job and what to make; None where it was cancelled meanwhile."""

    def jobs_together(self, job_ids: Sequence[str]) -> None:
        """Note that jobs that were started are computed together."""

    def job_begun(self, job_id: str) -> None:
        """Note that a worker is at a job that it was handed, maybe behind another."""

    def job_progressed(self, progress: Progress) -> None: ...

    def job_ended(self, job: Job, outcome: JobOutcome) -> None: ...

    def worker_died(self, job: Job, death: WorkerDiedError, *, is_suspect: bool = True) -> None:
        """Note that a job's worker is gone, or its host (``death.kind``).

        ``is_suspect``: the job may be what brought it down, since the worker was at it.
        """

    async def job_interrupted(self, job: Job) -> None:
        """Put back a job that the bot's end interrupts."""

    def worker_loading(self, device: str) -> None:
        """Note that a worker has started, and loads the model."""

    def worker_changing(self, device: str, ticket: Ticket) -> None:
        """Note that a worker is about to load the model of a ticket that it has drawn."""

    def model_broken(self, device: str, model: str, failure: Failure) -> None:
        """Note that a worker can't load a model, but others."""

    def worker_ready(self, device: str, capabilities: Capabilities) -> None:
        """Note that a worker is ready, and what it can do."""

    def worker_removed(self, device: str) -> None:
        """Note that a worker left, which is no failure: its host went away."""

    def workers_may_come(self) -> None:
        """Note that jobs may wait for workers that aren't there yet."""

    def worker_unavailable(self, device: str, failure: Failure) -> None:
        """Note that this device can't work, but others can."""

    def all_workers_unavailable(self, failure: Failure) -> None:
        """Note that no worker is left, and that none has started for a while."""

    def all_workers_failed(self, failure: Failure) -> None:
        """Note that no worker is left, and that none can be started."""
