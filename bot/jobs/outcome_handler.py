"""What follows from how a worker's part of a job ended: it is completed, failed, or made again."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from bot.core.errors import WorkerDiedError
from bot.jobs.background import BackgroundTasks
from bot.jobs.completion import JobCompleter, shown_failure
from bot.jobs.cost_history import CostHistory
from bot.jobs.cost_model import Estimate
from bot.jobs.enqueuer import Enqueuer
from bot.jobs.estimator import JobEstimator, Run
from bot.jobs.needs import host_of
from bot.jobs.outcomes import JobOutcome, MadeFile
from bot.jobs.roster import WorkerRoster
from bot.storage.models import Job
from generator.contract.errors import Failure, FailureKind
from generator.contract.messages import Cancelled, Failed
from generator.contract.text import Text

logger = logging.getLogger(__name__)

_MAX_CRASHES = 2  # a job that brought down this many workers is not tried again


class OutcomeHandler:
    """Takes a job on from its worker's last word; ``bot.jobs.service`` has it run apart."""

    def __init__(
        self,
        *,
        completer: JobCompleter,
        enqueuer: Enqueuer,
        roster: WorkerRoster,
        estimator: JobEstimator,
        cost_history: CostHistory,
        tasks: BackgroundTasks,
    ) -> None:
        self._completer = completer
        self._enqueuer = enqueuer
        self._roster = roster
        self._estimator = estimator
        self._cost_history = cost_history
        self._tasks = tasks

    async def handle(self, job: Job, outcome: JobOutcome, run: Run) -> None:
        """Complete or fail a job, or have it wait again."""
        match outcome:
            case MadeFile(seconds=seconds):
                if run.together == 1:
                    took = Estimate(seconds, run.after_steps, run.file_seconds)
                    if self._cost_history.learn(run.device, job.request, took):
                        self._tasks.start_for(job, self._cost_history.save())
                began = time.monotonic()
                own = seconds / run.together  # what was computed once is paid for once
                await self._completer.complete(job, replace(outcome, seconds=own))
                self._estimator.job_delivered(time.monotonic() - began)
            case Failed(failure=failure) if self._is_elsewhere(job, failure, run.device):
                await self._enqueuer.requeue(job)
            case Failed(failure=failure):
                await self._completer.fail(job, shown_failure(failure))
            case Cancelled():  # by a Shutdown; a cancelled job's row says so already
                await self._enqueuer.requeue(job)

    async def retry_after_death(self, job: Job, death: WorkerDiedError) -> None:
        """Make a job once more that may have brought its worker down; then no more."""
        crashes = job.crashes + 1
        if crashes >= _MAX_CRASHES:
            text = Text(
                "The generator crashed twice while making this GIF ({reason}), so the bot "
                "gave up; try fewer frames or a smaller size.",
                reason=death.reason,
            )
            await self._completer.fail(job, Failure.of(death, text), crashes=crashes)
        else:
            await self._enqueuer.requeue(job, crashes=crashes)

    def _is_elsewhere(self, job: Job, failure: Failure, device: str) -> bool:
        """Return whether a job whose files its host has no room for may be made by another."""
        if failure.kind is not FailureKind.HOST_FULL:
            return False
        logger.warning("%s has no room for the files of a job: %s", device, failure)
        self._enqueuer.note_full_host(job, host_of(device))
        return self._roster.lacking(self._enqueuer.needs(job)) is None
