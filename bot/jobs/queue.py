"""The queue: fair between people, bounded, and nobody has to poll it.

One job of each person in turn, whoever was served longest ago first, each person's own in order of
acceptance. It holds ids and numbers only; what a job is and whether it may run is the service's
business. One event loop, no threads.
"""

from __future__ import annotations

import asyncio
import bisect
from collections import Counter, OrderedDict
from dataclasses import dataclass

from bot.core.errors import NotAcceptedError
from generator.contract.text import plural

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
        """Waits among its owner's others by number, so one that comes back gets its old place."""
        bisect.insort(self._users.setdefault(ticket.user_id, []), ticket)
        self._changed()
        self._filled.set()

    def put_back(self, ticket: Ticket) -> None:
        """For one that was served and interrupted: its owner is next in turn again."""
        self.put(ticket)
        self._users.move_to_end(ticket.user_id, last=False)
        self._served.pop(ticket.user_id, None)

    async def get(self) -> Ticket:
        """The next in turn; waits for one."""
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
        """Takes one out; False where it wasn't waiting."""
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
        """Everybody who waits, in the order they would be served if nobody else came."""
        rounds = [self._users[user_id] for user_id in sorted(self._users, key=self._last_turn)]
        longest = max(map(len, rounds), default=0)
        return [
            tickets[turn] for turn in range(longest) for tickets in rounds if turn < len(tickets)
        ]

    def position(self, job_id: str) -> int:
        """How many are served before it; 0 also for one that doesn't wait."""
        if self._positions is None:
            self._positions = {ticket.job_id: place for place, ticket in enumerate(self.order())}
        return self._positions.get(job_id, 0)

    @property
    def version(self) -> int:
        """Another one after every change."""
        return self._version

    def drain(self) -> list[Ticket]:
        """Empties it."""
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


def too_many_here(most: int) -> NotAcceptedError:
    """What is said where a server lets one person have no more."""
    return NotAcceptedError(
        "On this server one person may have {most} GIFs waiting or running; wait for one to "
        "finish, or cancel one with /cancel.",
        most=most,
    )


class Quota:
    """Counts what is accepted and not over yet, in all and for each person."""

    def __init__(self, *, size: int, per_user: int) -> None:
        self._size = size
        self._per_user = per_user
        self._jobs: dict[str, int] = {}
        self._own: Counter[int] = Counter()

    def reserve(self, job_id: str, user_id: int) -> None:
        """Raises NotAcceptedError where there is no room."""
        own = self._own[user_id]
        if own >= self._per_user:
            raise NotAcceptedError(
                plural(
                    "You already have 1 GIF waiting or running, and that is the limit here; "
                    "wait for it, or cancel it with /cancel.",
                    "You already have {count} GIFs waiting or running, and that is the limit "
                    "here; wait for one, or cancel one with /cancel.",
                    own,
                )
            )
        if len(self._jobs) >= self._size:
            raise NotAcceptedError(
                "The queue is full: {number} GIFs are waiting or running; please try again in a "
                "few minutes.",
                number=len(self._jobs),
            )
        self.restore(job_id, user_id)

    def restore(self, job_id: str, user_id: int) -> None:
        """Counts one that was accepted before, room or no room."""
        if job_id not in self._jobs:
            self._jobs[job_id] = user_id
            self._own[user_id] += 1

    def release(self, job_id: str) -> None:
        """It is over; giving back twice is no error."""
        user_id = self._jobs.pop(job_id, None)
        if user_id is None:
            return
        self._own[user_id] -= 1
        if not self._own[user_id]:
            del self._own[user_id]
