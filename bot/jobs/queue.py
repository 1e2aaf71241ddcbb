"""The queue: fair between people, bounded, and nobody has to poll it.

One job of each person in turn, whoever was served longest ago first, each person's own in order of
acceptance. It holds ids and numbers only; what a job is and whether it may run is the service's
business. One event loop, no threads.
"""

from __future__ import annotations

import asyncio
import bisect
from collections import OrderedDict
from dataclasses import dataclass

_MAX_REMEMBERED = 10_000  # people


@dataclass(frozen=True, slots=True, order=True)
class Ticket:
    """A place in the queue; lower numbers were accepted earlier."""

    number: int
    job_id: str
    user_id: int


class FairQueue:
    """Tickets that wait, round robin between people."""

    def __init__(self) -> None:
        self._users: OrderedDict[int, list[Ticket]] = OrderedDict()
        self._served: dict[int, int] = {}  # the turn in which somebody was served last
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
        self._served.pop(ticket.user_id, None)

    async def get(self) -> Ticket:
        """Return the next ticket in turn; wait for one."""
        while not self._users:
            self._filled.clear()
            await self._filled.wait()
        user_id = min(self._users, key=self._last_turn)
        tickets = self._users[user_id]
        ticket = tickets.pop(0)
        if not tickets:
            del self._users[user_id]
        self._note_served(user_id)
        self._changed()
        return ticket

    def remove(self, job_id: str) -> bool:
        """Take a job's ticket out; False where it wasn't waiting."""
        for user_id, tickets in self._users.items():
            for ticket in tickets:
                if ticket.job_id == job_id:
                    tickets.remove(ticket)
                    self._changed()
                    if not tickets:
                        del self._users[user_id]
                    return True
        return False

    def order(self) -> list[Ticket]:
        """Return all tickets in the order they would be served in if nobody else came."""
        rounds = [self._users[user_id] for user_id in sorted(self._users, key=self._last_turn)]
        longest = max(map(len, rounds), default=0)
        return [
            tickets[turn] for turn in range(longest) for tickets in rounds if turn < len(tickets)
        ]

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
        self._changed()
        return waiting

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
