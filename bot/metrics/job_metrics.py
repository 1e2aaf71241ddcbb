"""What the stream of transitions says of jobs, and the gate of its decisions, as metrics."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import datetime

from bot.core.model_settings import label_of
from bot.jobs.outcomes import MadeFile
from bot.jobs.transitions import Transition
from bot.jobs.work_observer import WorkObserver
from bot.metrics.families import Families, begin_at_zero
from bot.policy.decisions import Answer, Decision, Rule
from bot.storage.models import UNFINISHED, Job, State
from generator.contract.errors import FailureKind

_OWNERS = PEOPLE, BOT = "people", "bot"
_WAYS = RESPONSE, GROUP, CHANNEL, DIRECT = "response", "group", "channel", "direct"


class JobMetrics(WorkObserver):
    """Counts what it hears, and holds of each unfinished job since when it is where it is."""

    def __init__(self, families: Families) -> None:
        self._families = families
        self._since: dict[str, datetime] = {}
        # people's jobs that wait, by server; None is for direct messages
        self.waiting_by_server: Counter[int | None] = Counter()
        self.gpus: dict[str, tuple[int, int]] = {}  # by device: bytes held at most, and all
        begin_at_zero(families.accepted, *((owner,) for owner in _OWNERS))
        begin_at_zero(
            families.ended,
            (State.DONE, ""),
            (State.CANCELLED, ""),
            *((State.FAILED, kind) for kind in FailureKind),
        )
        begin_at_zero(families.jobs, *itertools.product(UNFINISHED, _OWNERS))
        begin_at_zero(families.wait, *((owner,) for owner in _OWNERS))
        begin_at_zero(families.deliveries, *((way,) for way in _WAYS))
        begin_at_zero(
            families.decisions,
            *((Answer.REFUSED, rule) for rule in Rule),
            (Answer.SHOWN, ""),
            *((Answer.COVERED, rule) for rule in (Rule.WORDS, Rule.PICTURES)),
            *((Answer.WITHHELD, rule) for rule in (Rule.BLOCK, Rule.WORDS, Rule.PICTURES)),
        )

    def hear(self, transition: Transition) -> None:
        """Take in a transition."""
        before, job, at = transition.before, transition.after, transition.at
        if before is None:
            self._come(job, transition)
        else:
            self._leave(before, job, at)
        owner = _owner(job)
        if job.state in UNFINISHED:
            self._families.jobs.labels(job.state, owner).inc()
            self._note_waiting(job, 1)
            self._since[job.id] = _began(job, at) if transition.is_recovered else at
        else:
            self._since.pop(job.id, None)
            failure = job.failure_kind or FailureKind.INTERNAL
            self._families.ended.labels(
                job.state, failure if job.state is State.FAILED else ""
            ).inc()

    def job_made(self, device: str, made: MadeFile) -> None:
        """Take in how much of its GPU a worker held."""
        if made.gpu_peak_bytes:
            self.gpus[device] = made.gpu_peak_bytes, made.gpu_bytes

    def decide(self, decision: Decision) -> None:
        """Take in what the gate decided."""
        self._families.decisions.labels(decision.answer, decision.rule or "").inc()

    def _come(self, job: Job, transition: Transition) -> None:
        if not transition.is_recovered:
            self._families.accepted.labels(_owner(job)).inc()

    def _leave(self, before: Job, job: Job, at: datetime) -> None:
        families, owner = self._families, _owner(job)
        if before.state in UNFINISHED:  # what was withheld is over, till a moderator allows it
            families.jobs.labels(before.state, owner).dec()
        self._note_waiting(before, -1)
        since = self._since.get(job.id, at)
        seconds = max(0.0, (at - since).total_seconds())  # a clock may have been set
        match before.state, job.state:
            case State.QUEUED, State.RUNNING:
                families.wait.labels(owner).observe(seconds)
            case State.RUNNING, State.DELIVERING:
                took = seconds if job.seconds is None else job.seconds
                families.work.labels(label_of(job.model)).observe(took)
            case State.RUNNING, State.QUEUED:
                families.retried.inc()
            case State.DELIVERING, State.DONE:
                if (way := _way(job)) is not None:
                    families.delivery.observe(seconds)
                    families.deliveries.labels(way).inc()

    def _note_waiting(self, job: Job, change: int) -> None:
        if job.state is State.QUEUED and not job.origin.is_background:
            self.waiting_by_server[job.origin.guild_id] += change
            if not self.waiting_by_server[job.origin.guild_id]:
                del self.waiting_by_server[job.origin.guild_id]


def _owner(job: Job) -> str:
    return BOT if job.origin.is_background else PEOPLE


def _began(job: Job, at: datetime) -> datetime:
    """Return since when a job of an earlier run is where it is, as far as its row says."""
    return job.created_at if job.state is State.QUEUED else at


def _way(job: Job) -> str | None:
    """Return where a result was posted; None where it was for nobody."""
    if job.message_id is None:
        return None
    if job.message_id == job.answer_id:
        return RESPONSE if job.origin.group_id is None else GROUP
    return CHANNEL if job.message_channel_id == job.origin.channel_id else DIRECT
