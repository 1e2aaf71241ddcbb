"""Puts jobs into the queue, the first time and again, with what each needs of a worker by now.

What the bot makes for itself gives way to people: when somebody's job comes and no worker is free
for it, one that makes such a thing stops, and makes it later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.jobs.cost_model import Estimate
from bot.jobs.needs import JobNeeds
from bot.jobs.notifier import Notifier
from bot.jobs.queue import FairQueue, Ticket
from bot.jobs.shares import TYPICAL_SECONDS
from bot.jobs.store import JobStore
from bot.jobs.transitions import Transition
from bot.storage.models import UNFINISHED, Job, State
from generator.contract.messages import Request


class Enqueuer:
    """``model`` is the default one that there is now, whatever it was when a job was accepted.

    ``stop(job_id, attempt)`` has a worker leave a running job, which then waits again. Whoever asks
    is charged what their jobs take, in advance by the ``estimate``.
    """

    def __init__(
        self,
        store: JobStore,
        notifier: Notifier,
        queue: FairQueue,
        model: str,
        *,
        estimate: Callable[[Request], Estimate | None],
        stop: Callable[[str, int], None],
    ) -> None:
        self._store = store
        self._notifier = notifier
        self._queue = queue
        self._model = model
        self._estimate = estimate
        self._stop = stop
        self._full_hosts: dict[str, frozenset[str]] = {}  # by unfinished job
        self._giving_way: dict[str, int] = {}  # running jobs of the bot's own, and their attempts
        store.transitions.subscribe(self._follow)

    def enqueue(self, accepted: Job) -> None:
        """Have a job wait that was just accepted, or by an earlier run, unless it is over."""
        job = self._store.get(accepted.id)
        if job is not None and job.state is State.QUEUED:
            ticket = self._ticket(job)
            if self._giving_way and not (ticket.is_background or self._queue.has_idle(ticket)):
                self._stop(*self._giving_way.popitem())
            self._queue.put(ticket)
            self._notifier.track(job)

    async def requeue(self, job: Job, **values: Any) -> None:
        """Have a job wait again; ``values`` are further columns of its row."""
        back = await self._store.move_with_retry(job, State.QUEUED, **values)
        if back is not None:
            self._notifier.track(back)
            self._queue.put_back(self._ticket(back))

    def needs(self, job: Job) -> JobNeeds:
        """Return what a job needs of a worker."""
        avoids = self._full_hosts.get(job.id, frozenset())
        return JobNeeds.of(job.request, self._model, avoids)

    def note_full_host(self, job: Job, host: str) -> None:
        """Have a job made on another host than this one, which has no room for its files."""
        self._full_hosts[job.id] = self._full_hosts.get(job.id, frozenset()) | {host}
        self._queue.note_fits_changed()

    def is_avoided(self, host: str) -> bool:
        """Return whether some job is to be made on another host."""
        return any(host in hosts for hosts in self._full_hosts.values())

    def _ticket(self, job: Job) -> Ticket:
        known = self._estimate(job.request)
        return Ticket(
            job.number,
            job.id,
            job.user_id,
            self.needs(job),
            is_background=job.origin.is_background,
            seconds=TYPICAL_SECONDS if known is None else known.seconds,
            priority=job.origin.priority,
        )

    def _follow(self, transition: Transition) -> None:
        job = transition.after
        if job.state is State.RUNNING and job.origin.is_background:
            self._giving_way[job.id] = job.attempt
        else:
            self._giving_way.pop(job.id, None)
        if job.state not in UNFINISHED:
            self._full_hosts.pop(job.id, None)
        if not job.origin.is_background:
            self._charge(job)

    def _charge(self, job: Job) -> None:
        """Have its owner pay what a job took; what failed is free."""
        match job.state:
            case State.DELIVERING:
                self._queue.note_made(job.id, job.user_id, job.seconds or 0.0)
            case State.DONE | State.CANCELLED:
                self._queue.settle(job.id, job.user_id, job.seconds or 0.0)
            case State.FAILED:
                self._queue.settle(job.id, job.user_id, 0.0)
