"""The queue: fair between people, bounded, and nobody has to poll it.

One job of each person in turn, whoever was served longest ago first, each person's own in order of
acceptance. A worker that can't make somebody's first one is given the next that it can make; the
one passed over keeps the turn that it had, so it is among the first for a worker that can. It holds
ids, numbers and needs only; what a job is and whether it may run is the service's business. One
event loop, no threads.
"""

from __future__ import annotations

import asyncio
import bisect
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.jobs.needs import JobNeeds

_MAX_REMEMBERED = 10_000  # people


@dataclass(frozen=True, slots=True, order=True)
class Ticket:
    """A place in the queue; lower numbers were accepted earlier."""

    number: int
    job_id: str
    user_id: int
    needs: JobNeeds = field(default=JobNeeds(), compare=False)


def _any(_: Ticket) -> bool:
    return True


class FairQueue:
    """Tickets that wait, round robin between people.

    ``is_possible`` says of a ticket whether any worker that there is can make its job.
    """

    def __init__(self, is_possible: Callable[[Ticket], bool] = _any) -> None:
        self._is_possible = is_possible
        self._users: OrderedDict[int, list[Ticket]] = OrderedDict()
        self._served: dict[int, int] = {}  # the turn in which somebody was served last
        self._passed: dict[str, int] = {}  # jobs passed over, and their owner's last turn then
        self._turn = 0
        self._filled = asyncio.Event()
        self._positions: dict[str, int] | None = None  # worked out when somebody asks
        self._version = 0

    def __len__(self) -> int:
        return sum(map(len, self._users.values()))

    def put(self, ticket: Ticket) -> None:
        """Add a ticket to its owner's by number, so one that comes back gets its old place."""
        bisect.insort(self._users.setdefault(ticket.user_id, []), ticket)
        self._changed()
        self._filled.set()

    def put_back(self, ticket: Ticket) -> None:
        """Add one that was served and interrupted: its owner is next in turn again."""
        self.put(ticket)
        self._users.move_to_end(ticket.user_id, last=False)
        self._passed.pop(ticket.job_id, None)
        self._served.pop(ticket.user_id, None)

    async def get(self, accepts: Callable[[Ticket], bool] = _any) -> Ticket:
        """Return the next ticket in turn that a worker ``accepts``; wait for one."""
        while (ticket := self._next(accepts)) is None:
            self._filled.clear()
            await self._filled.wait()
        tickets = self._users[ticket.user_id]
        earlier = tickets[: tickets.index(ticket)]
        self._note_passed(ticket, earlier)
        tickets.remove(ticket)
        if not tickets:
            del self._users[ticket.user_id]
        self._note_served(ticket.user_id)
        self._changed()
        return ticket

    def remove(self, job_id: str) -> bool:
        """Take a job's ticket out; False where it wasn't waiting."""
        for user_id, tickets in self._users.items():
            for ticket in tickets:
                if ticket.job_id == job_id:
                    tickets.remove(ticket)
                    self._passed.pop(job_id, None)
                    self._changed()
                    if not tickets:
                        del self._users[user_id]
                    return True
        return False

    def order(self) -> list[Ticket]:
        """Return all tickets in the order they would be served in if nobody else came.

        Those that no worker can make keep nobody waiting, so they are the last.
        """
        rounds = [self._users[user_id] for user_id in sorted(self._users, key=self._last_turn)]
        longest = max(map(len, rounds), default=0)
        tickets = [
            tickets[turn] for turn in range(longest) for tickets in rounds if turn < len(tickets)
        ]
        return sorted(tickets, key=lambda ticket: not self._is_possible(ticket))

    def position(self, job_id: str) -> int:
        """Return how many are served before a job; 0 also for one that doesn't wait."""
        if self._positions is None:
            self._positions = {ticket.job_id: place for place, ticket in enumerate(self.order())}
        return self._positions.get(job_id, 0)

    @property
    def version(self) -> int:
        """A number that is another one after every change."""
        return self._version

    def drain(self) -> list[Ticket]:
        """Empty the queue; return what waited, in order."""
        waiting = self.order()
        self._users.clear()
        self._passed.clear()
        self._changed()
        return waiting

    def note_workers_changed(self) -> None:
        """Note that ``is_possible`` may judge otherwise from now on."""
        self._changed()

    def _next(self, accepts: Callable[[Ticket], bool]) -> Ticket | None:
        """Return each person's first ticket that is accepted, of whoever's turn it is."""
        firsts = (next(filter(accepts, tickets), None) for tickets in self._users.values())
        found = [ticket for ticket in firsts if ticket is not None]
        return min(found, key=self._turn_of) if found else None

    def _turn_of(self, ticket: Ticket) -> int:
        return self._passed.get(ticket.job_id, self._last_turn(ticket.user_id))

    def _note_passed(self, ticket: Ticket, earlier: list[Ticket]) -> None:
        """Keep the turn of the owner's ``earlier`` tickets, which others are served before.

        One turn is kept once: when it is used, those still passed over have the turn that is due
        now. Else whoever has many that are passed over would be served again and again.
        """
        was_passed = self._passed.pop(ticket.job_id, None) is not None
        turn = self._turn + 1 if was_passed else self._last_turn(ticket.user_id)
        for each in self._users[ticket.user_id]:
            if was_passed and each.job_id in self._passed:
                self._passed[each.job_id] = turn
        for each in earlier:
            self._passed.setdefault(each.job_id, turn)

    def _last_turn(self, user_id: int) -> int:
        return self._served.get(user_id, 0)

    def _note_served(self, user_id: int) -> None:
        self._turn += 1
        self._served.pop(user_id, None)
        self._served[user_id] = self._turn
        if len(self._served) > _MAX_REMEMBERED:  # the one longest ago, who is as good as new
            del self._served[next(iter(self._served))]

    def _changed(self) -> None:
        self._positions = None
        self._version += 1
