"""A worker's death, of which all jobs hear that it had: what is said of it, and who is to blame."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from bot.core.errors import WorkerDiedError
from bot.core.logs import job_context
from bot.storage.models import Job
from bot.workers.job_in_hand import JobInHand

logger = logging.getLogger(__name__)

JobKey = tuple[str, int]
"""A job and its attempt."""


class WorkerDeath:
    """That of one worker, which had ``in_hand``."""

    def __init__(self, in_hand: Mapping[JobKey, JobInHand]) -> None:
        self._in_hand = in_hand
        self._said: set[str] = set()
        self._suspects: set[JobKey] | None = None

    def log(self, job: Job, death: WorkerDiedError) -> None:
        """Say how it died, when the first of its jobs hears of it."""
        if (how := str(death)) not in self._said:
            self._said.add(how)
            with job_context(job.id, **job.origin.ids):
                logger.warning("%s Jobs that it had in hand: %d.", how, len(self._in_hand))

    def may_be_due_to(self, key: JobKey) -> bool:
        """Return whether the worker was at this job, or had it next."""
        if self._suspects is None:  # as things stand when the first one hears of it
            started = {key for key, each in self._in_hand.items() if each.started.done()}
            computing = {key for key in started if not self._in_hand[key].is_computed}
            self._suspects = computing or started or {next(iter(self._in_hand))}
        return key in self._suspects
