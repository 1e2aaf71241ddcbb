"""The queue: fair between people, bounded, and nobody has to poll it.

Whose turn it is stands in ``bot.jobs.turns``. A worker that holds another model than the next
ticket wants goes on with its own for a while, since changing takes long, but not for ever: the
rules are in ``ModelChanges``. The queue holds ids, numbers and needs only; what a job is and
whether it may run is the service's business. One event loop, no threads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Protocol

from bot.jobs.needs import JobNeeds
from bot.jobs.shares import FairShares
from bot.jobs.turns import FairTurns, Head, Ticket

__all__ = ["ANY_WORKER", "FairQueue", "Fit", "ModelChanges", "Ticket"]


class Fit(Protocol):
    """What a worker can make, and which model it holds; workers that are alike share one."""

    @property
    def model(self) -> str:
        """The model that it holds."""

    def accepts(self, needs: JobNeeds) -> bool:
        """Return whether it can make such a job, now or once it has changed its model."""


class _AnyWorker:
    model = ""

    def accepts(self, _: JobNeeds) -> bool:
        return True


ANY_WORKER: Fit = _AnyWorker()
"""Makes everything, with the model that it holds."""


def _wanted(fit: Fit, needs: JobNeeds) -> str:
    """Return the model that a worker has to change to for a job; none where it needn't."""
    return "" if fit.model in ("", needs.model) else needs.model


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelChanges:
    """When a worker changes its model, at the border between two jobs.

    One that has jobs for the model that it holds goes on with these, ahead of others whose turn it
    is, until the first of the others is ``jobs`` jobs behind for itself and for each worker that
    holds its model already, or has been first for ``seconds``. The more workers hold a model, the
    more its jobs may be behind: so a fleet settles on as many as are needed, and stays. One that
    has none goes on waiting for as long as a change takes (``takes_seconds``, by the model) where
    another worker holds the model, which may be free sooner; that is at most twice the best.
    ``holders`` counts the workers that hold a model or are loading it.
    """

    holders: Callable[[str], int] = lambda _: 0
    takes_seconds: Callable[[str], float] = lambda _: 15.0
    jobs: int = 8
    seconds: float = 180.0

    def behind(self, model: str) -> int:
        """Return how many jobs may go ahead of one of this model."""
        return self.jobs * (1 + self.holders(model))


class FairQueue:
    """Tickets that wait, by what people used of the workers' time.

    ``is_possible`` says of needs whether any worker that there is can meet them, ``is_held``
    whether no worker is to be given such a job for now.
    """

    def __init__(
        self,
        is_possible: Callable[[JobNeeds], bool] = lambda _: True,
        *,
        is_held: Callable[[JobNeeds], bool] = lambda _: False,
        changes: ModelChanges | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_possible = is_possible
        self._is_held = is_held
        self._changes = changes or ModelChanges()
        self._clock = clock
        self._turns = FairTurns(FairShares(clock))
        self._background: dict[str, Ticket] = {}  # by job, in the order in which they came
        self._since: dict[str, tuple[int, float]] = {}  # jobs: the turn and time they came
        self._overtaken: dict[str, float] = {}  # jobs that were first, and since when
        self._waiting: dict[Fit, dict[asyncio.Future[None], None]] = {}  # workers, by their fit
        # worked out when somebody asks
        self._order: Sequence[Ticket] | None = None
        self._positions: dict[str, int] | None = None
        self._version = 0

    def __len__(self) -> int:
        return len(self._turns)

    def put(self, ticket: Ticket) -> None:
        """Add a ticket to its owner's by number, so one that comes back gets its old place."""
        if ticket.is_background:
            self._put_in_background(ticket)
            return
        self._turns.put(ticket)
        self._note_put(ticket)

    def put_back(self, ticket: Ticket) -> None:
        """Add one that was served and interrupted: its owner is next in turn again."""
        if ticket.is_background:
            self._put_in_background(ticket)
            return
        self._turns.put_back(ticket)
        self._note_put(ticket)

    async def get(self, fit: Fit = ANY_WORKER) -> Ticket:
        """Return the next ticket for a worker; wait for one."""
        return await self.get_for(lambda: fit)

    async def get_for(self, fit: Callable[[], Fit]) -> Ticket:
        """Do so for one whose fit may be another after ``note_fits_changed``."""
        while (ticket := self.take(fit())) is None:
            await self._wait(fit())
        return ticket

    def take(self, fit: Fit = ANY_WORKER) -> Ticket | None:
        """Take out the next ticket for a worker; None where there is none, or none yet."""
        if (chosen := self._choose(fit)) is not None:
            return self._serve(chosen)
        return None if self._heads(fit) else self._take_from_background(fit)

    def take_waiting(self, fit: Fit, most: int, seconds: float) -> list[Ticket]:
        """Take out what a worker can be given at once, and without another model.

        Of several, the second and further ones only while no other worker waits for one, and while
        those before it may take no longer than ``seconds`` together.
        """
        taken: list[Ticket] = []
        while len(taken) < most and not (taken and self._waiting):
            if taken and sum(ticket.seconds for ticket in taken) > seconds:
                break
            chosen = self._choose(fit)
            if chosen is None or _wanted(fit, chosen.ticket.needs):
                break
            taken.append(self._serve(chosen))
        return taken

    def _choose(self, fit: Fit) -> Head | None:
        """Return the first ticket of a person's for a worker, None where it goes on waiting."""
        heads = self._heads(fit)
        own = heads.pop("", None)
        others = sorted(heads.values(), key=lambda head: head.key)
        chosen = own
        if own is None:
            chosen = next((head for head in others if self._left(head) <= 0), None)
        elif others and others[0].key < own.key:
            if self._is_overdue(others[0], own):
                chosen = others[0]
            else:
                self._overtaken.setdefault(others[0].ticket.job_id, self._clock())
        return chosen

    def _serve(self, chosen: Head) -> Ticket:
        self._turns.serve(chosen.ticket, late=self._late(chosen))
        self._forget(chosen.ticket.job_id)
        return chosen.ticket

    def take_alike(
        self, ticket: Ticket, fit: Fit, most: int, is_alike: Callable[[Ticket], bool]
    ) -> list[Ticket]:
        """Take out tickets that follow one that was just taken, for the worker that has that.

        They are its owner's own, the next ones of a kind. Nobody else has one that this worker
        could make, so nobody is overtaken; and what workers that have nothing to do could make
        meanwhile is left to them.
        """
        others = self._turns.needs_of_others(ticket.user_id)
        if self._is_held(ticket.needs) or any(map(fit.accepts, others)):
            return []
        idle = [len(ws) for each, ws in self._waiting.items() if each.accepts(ticket.needs)]
        alike = list(islice(takewhile(is_alike, self._turns.following(ticket)), most))
        share = -(-(1 + len(alike)) // (1 + sum(idle)))
        for other in alike[: share - 1]:
            self._turns.serve(other)
            self._forget(other.job_id)
        return alike[: share - 1]

    def remove(self, job_id: str) -> bool:
        """Take a job's ticket out; False where it wasn't waiting."""
        if self._background.pop(job_id, None) is not None:
            return True
        if not self._turns.remove(job_id):
            return False
        self._forget(job_id)
        return True

    def load_shares(self, used: Mapping[int, float]) -> None:
        """Begin with the seconds that people used lately, before anything is put."""
        self._turns.shares.load(used)

    def note_made(self, job_id: str, user_id: int, seconds: float) -> None:
        """Count what was made by what it took, which may still turn out to be for nothing."""
        self._turns.shares.charge(job_id, user_id, seconds)
        self._note_used(user_id)

    def settle(self, job_id: str, user_id: int, seconds: float) -> None:
        """Count a job that is over by what its owner is to pay for it, in place of its estimate."""
        self._turns.shares.settle(job_id, user_id, seconds)
        self._note_used(user_id)

    def order(self) -> Sequence[Ticket]:
        """Return all tickets in the order they would be served in if nobody else came.

        Those that no worker can make keep nobody waiting, so they are the last. Which models the
        workers hold isn't looked at.
        """
        if self._order is None:
            tickets = self._turns.in_order()
            impossible = {each for each in self._turns.kinds() if not self._is_able(each)}
            if impossible:  # else nobody is to be looked at one by one
                able = [ticket for ticket in tickets if ticket.needs not in impossible]
                tickets = [*able, *(ticket for ticket in tickets if ticket.needs in impossible)]
            self._order = tickets
        return self._order

    def position(self, job_id: str) -> int:
        """Return how many are served before a job; 0 also for one that doesn't wait."""
        if self._positions is None:
            self._positions = {ticket.job_id: place for place, ticket in enumerate(self.order())}
        return self._positions.get(job_id, 0)

    @property
    def version(self) -> int:
        """A number that is another one after every change."""
        return self._version

    def drain(self, is_meant: Callable[[JobNeeds], bool] = lambda _: True) -> list[Ticket]:
        """Take out those with needs that are meant, by default all; return them in order.

        Those in the background stay: nobody waits for these.
        """
        meant = [ticket for ticket in self.order() if is_meant(ticket.needs)]
        for ticket in meant:
            self._turns.remove(ticket.job_id)
            self._forget(ticket.job_id)
        self._changed()
        return meant

    def note_workers_changed(self) -> None:
        """Note that ``is_possible`` may judge otherwise from now on, and who holds which model."""
        self._changed()
        if len(self) or self._background:
            self.note_fits_changed()

    def note_fits_changed(self) -> None:
        """Have everybody who waits look again, by what can be made from now on."""
        self._wake(*(waiter for waiters in self._waiting.values() for waiter in waiters))

    def has_idle(self, ticket: Ticket) -> bool:
        """Return whether a worker waits that can make a ticket's job."""
        return any(fit.accepts(ticket.needs) for fit in self._waiting)

    # -- in the background -----------------------------------------------------------------------

    def _put_in_background(self, ticket: Ticket) -> None:
        self._background[ticket.job_id] = ticket
        self._wake_one((ticket.needs,))

    def _take_from_background(self, fit: Fit) -> Ticket | None:
        """Take out the first that a worker can make with the model that it holds."""
        for job_id, ticket in self._background.items():
            is_fit = fit.accepts(ticket.needs) and not _wanted(fit, ticket.needs)
            if is_fit and not self._is_held(ticket.needs):
                return self._background.pop(job_id)
        return None

    # -- which one -------------------------------------------------------------------------------

    def _is_able(self, needs: JobNeeds) -> bool:
        """Return whether somebody's turn comes at all, as things stand."""
        return self._is_possible(needs) and not self._is_held(needs)

    def _heads(self, fit: Fit) -> dict[str, Head]:
        """Return the first ticket of each model that a worker would change to, "" for none."""
        found: dict[str, Head] = {}
        for needs in self._turns.kinds():
            if self._is_held(needs) or not fit.accepts(needs):
                continue
            if (head := self._turns.head(needs)) is None:
                continue
            model = _wanted(fit, needs)
            if model not in found or head.key < found[model].key:
                found[model] = head
        return found

    def _is_overdue(self, first: Head, own: Head) -> bool:
        """Return whether a worker changes its model for the first one, and lets its own wait."""
        job_id = first.ticket.job_id
        if self._clock() - self._overtaken.get(job_id, self._clock()) >= self._changes.seconds:
            return True
        waited = self._turns_waited(first) - self._turns_waited(own)
        # one that came just now may be ahead of those that waited, by what their owners used
        passed = (own.key[0] - first.key[0]) * self._turns.people
        return min(waited, passed) >= self._changes.behind(first.ticket.needs.model)

    def _late(self, head: Head) -> int:
        """Return by how many turns a ticket comes too late since workers held another model."""
        if len({needs.model for needs in self._turns.kinds()}) < 2:
            return 0
        late = self._turns_waited(head) - self._turns.people
        return max(0, min(late, 2 * self._changes.behind(head.ticket.needs.model)))

    def _turns_waited(self, head: Head) -> int:
        """Return how many jobs were made since its owner's turn, or since it came."""
        came, _ = self._since[head.ticket.job_id]
        return self._turns.turn - max(head.since, came)

    def _left(self, head: Head) -> float:
        """Return seconds until an idle worker changes its model for this one."""
        model = head.ticket.needs.model
        if not self._changes.holders(model):
            return 0.0
        _, came = self._since[head.ticket.job_id]
        return came + self._changes.takes_seconds(model) - self._clock()

    # -- workers that wait -----------------------------------------------------------------------

    async def _wait(self, fit: Fit) -> None:
        """Wait until there may be a ticket for a worker."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters = self._waiting.setdefault(fit, {})
        waiters[waiter] = None
        left = [self._left(head) for head in self._heads(fit).values()]
        try:
            await asyncio.wait((waiter,), timeout=min(left, default=None))
        except asyncio.CancelledError:
            if waiter.done():  # it was told of a ticket, which another may take now
                behind = (ticket.needs for ticket in self._background.values())
                self._wake_one((*self._turns.kinds(), *behind))
            raise
        finally:
            waiters.pop(waiter, None)
            if not waiters and self._waiting.get(fit) is waiters:
                del self._waiting[fit]

    def _wake_one(self, kinds: Iterable[JobNeeds]) -> None:
        """Wake a worker that can make a job of each of these kinds, best without a change."""
        for needs in kinds:
            able = [fit for fit in self._waiting if fit.accepts(needs)]
            for fit in sorted(able, key=lambda fit: bool(_wanted(fit, needs))):
                if waiter := next((one for one in self._waiting[fit] if not one.done()), None):
                    self._wake(waiter)
                    break

    def _wake(self, *waiters: asyncio.Future[None]) -> None:
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _note_put(self, ticket: Ticket) -> None:
        self._since[ticket.job_id] = (self._turns.turn, self._clock())
        self._changed()
        self._wake_one((ticket.needs,))

    def _forget(self, job_id: str) -> None:
        self._since.pop(job_id, None)
        self._overtaken.pop(job_id, None)
        self._changed()

    def _note_used(self, user_id: int) -> None:
        self._turns.note_used(user_id)
        self._changed()

    def _changed(self) -> None:
        self._order = self._positions = None
        self._version += 1
