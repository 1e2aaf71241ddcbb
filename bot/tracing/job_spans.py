"""Spans of a job's life: the command, the wait, the work with its stages, the delivery.

Made of the stream of transitions and of what workers say, by this machine's clock: no clock of a
GPU host's is believed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from bot.core.model_settings import label_of
from bot.jobs.transitions import Transition
from bot.jobs.work_observer import WorkObserver
from bot.storage.models import Job, State
from bot.tracing.spans import Span, SpanSink, new_span_id, root_id_of, trace_id_of
from generator.contract.messages import Progress
from generator.contract.remote import TRAVEL_LABELS
from generator.contract.stages import STAGES, output_size

_PHASES = {
    State.QUEUED: "queue",
    State.RUNNING: "work",
    State.DELIVERING: "delivery",
    State.INTERRUPTED: "search",  # where it may have been posted
}
_OTHER = "other"  # a stage that only another version knows
_MOST_STAGES = 64  # of one attempt: a host may say what it likes


@dataclass(slots=True)
class _Life:
    """A phase of an unfinished job, and the stage that its work is in by then."""

    since: int
    phase_id: int = field(default_factory=new_span_id)
    device: str = ""
    stage: str = ""
    stage_count: int = 0
    stage_began: int = 0
    stage_last: int = 0  # when something was last heard of it

    def __post_init__(self) -> None:
        self.stage_began = self.stage_last = self.since


class JobSpans(WorkObserver):
    """Hears transitions, and what workers do with jobs."""

    def __init__(self, sink: SpanSink, clock: Callable[[], int] = time.time_ns) -> None:
        self._sink = sink
        self._clock = clock
        self._lives: dict[str, _Life] = {}

    def parent_of(self, job_id: str) -> int:
        """Return the span that what is done for a job now belongs to."""
        life = self._lives.get(job_id)
        return root_id_of(job_id) if life is None else life.phase_id

    def hear(self, transition: Transition) -> None:
        """Take in a transition."""
        job, at = transition.after, _nanoseconds(transition.at)
        if transition.before is not None:
            life = self._lives.pop(job.id, None) or _Life(at)
            if not transition.before.state.is_final:  # a withheld one that is allowed begins anew
                self._end_phase(transition.before, job, life, at)
        elif not transition.is_recovered:
            self._say(job, "command", _asked_at(job), at)
        if job.state.is_final:
            self._end(job, at)
        else:
            self._lives[job.id] = _Life(at)

    def job_handed(self, job_id: str, device: str) -> None:
        """Note which worker has a job."""
        if (life := self._lives.get(job_id)) is not None:
            life.device = device

    def job_begun(self, job_id: str) -> None:
        """Note that its worker is at it; before, its files may have travelled."""
        if (life := self._lives.get(job_id)) is not None:
            now = self._clock()
            self._end_stage(job_id, life, now)
            life.stage_began = life.stage_last = now

    def job_progressed(self, progress: Progress) -> None:
        """Note which stage a job is in. Most stages say so when they are through."""
        life = self._lives.get(progress.job_id)
        if life is None:
            return
        is_known = progress.stage in STAGES or progress.stage in TRAVEL_LABELS
        stage = progress.stage if is_known else _OTHER
        if stage != life.stage and life.stage_count < _MOST_STAGES:
            life.stage_count += 1
            self._end_stage(progress.job_id, life, life.stage_last)
            life.stage_began, life.stage = life.stage_last, stage
        life.stage_last = self._clock()

    def _end_phase(self, before: Job, job: Job, life: _Life, at: int) -> None:
        self._end_stage(job.id, life, at)
        attributes: dict[str, str | int | float] = {"hotshot.attempt": job.attempt}
        if life.device:
            attributes["hotshot.device"] = life.device
        is_lost = before.state is State.RUNNING and job.state is State.QUEUED
        error = "interrupted" if is_lost else _error(job)
        self._say(
            job,
            _PHASES[before.state],
            life.since,
            at,
            span_id=life.phase_id,
            attributes=attributes,
            error=error,
        )

    def _end(self, job: Job, at: int) -> None:
        width, height = output_size(job.request)
        facts: dict[str, str | int | float] = {
            "hotshot.state": job.state.value,
            "hotshot.model": label_of(job.model),
            "hotshot.frames": job.request.video_length,
            "hotshot.width": width,
            "hotshot.height": height,
            "hotshot.steps": job.request.steps,
        }
        if job.failure_kind is not None:
            facts["hotshot.failure"] = job.failure_kind.value
        self._sink(
            Span(
                name="gif",
                trace_id=trace_id_of(job.id),
                span_id=root_id_of(job.id),
                parent_id=None,
                start=_asked_at(job),
                end=at,
                attributes=facts,
                error=_error(job),
            )
        )

    def _say(
        self,
        job: Job,
        name: str,
        start: int,
        end: int,
        *,
        span_id: int | None = None,
        attributes: dict[str, str | int | float] | None = None,
        error: str = "",
    ) -> None:
        self._sink(
            Span(
                name=name,
                trace_id=trace_id_of(job.id),
                span_id=span_id or new_span_id(),
                parent_id=root_id_of(job.id),
                start=start,
                end=end,
                attributes=attributes or {},
                error=error,
            )
        )

    def _end_stage(self, job_id: str, life: _Life, end: int) -> None:
        """Say that the stage is over, if there was one."""
        if not life.stage:
            return
        self._sink(
            Span(
                name=life.stage,
                trace_id=trace_id_of(job_id),
                span_id=new_span_id(),
                parent_id=life.phase_id,
                start=life.stage_began,
                end=end,
            )
        )
        life.stage = ""


def _error(job: Job) -> str:
    if job.state is not State.FAILED:
        return ""
    return job.failure_kind.value if job.failure_kind is not None else State.FAILED.value


def _asked_at(job: Job) -> int:
    """Return when a command came; Discord's clock may be ahead of this machine's."""
    return min(_nanoseconds(job.origin.asked_at), _nanoseconds(job.created_at))


def _nanoseconds(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000) * 1000
