"""Whose turn it is: one job of each person in turn, whoever was served longest ago first.

Each person's tickets stand in lanes, one for each kind of needs, in order of acceptance. A worker
that can't make somebody's first one is given the next that it can make; the lane passed over keeps
the turn that it had, so it is among the first for a worker that can. Which of the lanes is next is
found by a heap for each kind of needs, so serving costs the same however many wait. Pure.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bot.jobs.needs import JobNeeds

_MAX_REMEMBERED = 10_000  # people who have nothing waiting

Key = tuple[int, int, int]
"""What comes first: the turn in which its owner was served last, who came first, the ticket."""


@dataclass(frozen=True, slots=True, order=True)
class Ticket:
    """A place in the queue; lower numbers were accepted earlier.

    One in the ``is_background`` is served when nobody else's is there.
    """

    number: int
    job_id: str
    user_id: int
    needs: JobNeeds = field(default=JobNeeds(), compare=False)
    is_background: bool = field(default=False, compare=False)


@dataclass(slots=True)
class _Lane:
    """One person's tickets with the same needs; ``kept_turn`` is that of one passed over."""

    tickets: deque[Ticket] = field(default_factory=deque)
    kept_turn: int | None = None

    def insert(self, ticket: Ticket) -> None:
        """Add a ticket by its number, nearly always as the last or the first."""
        tickets = self.tickets
        if not tickets or ticket > tickets[-1]:
            tickets.append(ticket)
        elif ticket < tickets[0]:
            tickets.appendleft(ticket)
        else:
            self.tickets = deque(sorted((*tickets, ticket)))


@dataclass(slots=True)
class _Person:
    """Somebody who has tickets, the turn in which they were served last, and when they came."""

    turn: int
    arrival: int
    lanes: dict[JobNeeds, _Lane] = field(default_factory=dict)

    def key(self, lane: _Lane) -> Key:
        turn = self.turn if lane.kept_turn is None else lane.kept_turn
        return (turn, self.arrival, lane.tickets[0].number)

    def tickets(self) -> list[Ticket]:
        """Return all tickets in order of acceptance."""
        both = [ticket for lane in self.lanes.values() for ticket in lane.tickets]
        return both if len(self.lanes) == 1 else sorted(both, key=lambda ticket: ticket.number)


class _Heap:
    """Finds the first lane among people's lanes with the same needs, each by one entry.

    An entry is never later than its lane, whose turn only rises; where that falls, the entry is
    replaced. What is out of date is put right when it comes to the top.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[Key, int]] = []
        self._keys: dict[int, Key] = {}  # of each person's entry that counts

    def push(self, user_id: int, key: Key) -> None:
        """Have a lane found, no later than its place is."""
        if user_id not in self._keys or key < self._keys[user_id]:
            self._keys[user_id] = key
            heapq.heappush(self._entries, (key, user_id))

    def first(self, key_of: Callable[[int], Key | None]) -> tuple[Key, int] | None:
        """Return the first lane's place and owner; ``key_of`` says where a lane is now, if any."""
        while self._entries:
            key, user_id = self._entries[0]
            now = key_of(user_id) if self._keys.get(user_id) == key else None
            if now == key:
                return key, user_id
            if now is not None:
                self._keys[user_id] = now
                heapq.heapreplace(self._entries, (now, user_id))
                continue
            heapq.heappop(self._entries)
            if self._keys.get(user_id) == key:
                del self._keys[user_id]
        return None


@dataclass(frozen=True, slots=True)
class Head:
    """A ticket that is first among some, and its place in the order."""

    key: Key
    ticket: Ticket


class FairTurns:
    """The tickets that wait, by whose turn it is. ``turn`` counts those that were served."""

    def __init__(self) -> None:
        self._people: dict[int, _Person] = {}
        self._heaps: dict[JobNeeds, _Heap] = {}
        self._owners: dict[str, Ticket] = {}
        self._served: dict[int, int] = {}  # people, and the turn in which they were served last
        self._first_arrival = self._last_arrival = 0
        self.turn = 0

    def __len__(self) -> int:
        return len(self._owners)

    def find(self, job_id: str) -> Ticket | None:
        """Return a job's ticket, where it waits."""
        return self._owners.get(job_id)

    def put(self, ticket: Ticket) -> None:
        """Add a ticket to its owner's by number, so one that comes back gets its old place."""
        person = self._people.get(ticket.user_id)
        if person is None:
            self._last_arrival += 1
            turn = self._served.get(ticket.user_id, 0)
            person = self._people[ticket.user_id] = _Person(turn, self._last_arrival)
        lane = person.lanes.setdefault(ticket.needs, _Lane())
        lane.insert(ticket)
        self._owners[ticket.job_id] = ticket
        if lane.tickets[0] is ticket:
            self._push(ticket.user_id, person, ticket.needs)

    def put_back(self, ticket: Ticket) -> None:
        """Add one that was served and interrupted: its owner is next in turn again."""
        self.put(ticket)
        self._first_arrival -= 1
        person = self._people[ticket.user_id]
        person.turn, person.arrival = 0, self._first_arrival
        person.lanes[ticket.needs].kept_turn = None
        self._served.pop(ticket.user_id, None)
        for needs in person.lanes:
            self._push(ticket.user_id, person, needs)

    def remove(self, job_id: str) -> bool:
        """Take a job's ticket out; False where it wasn't waiting."""
        ticket = self._owners.pop(job_id, None)
        if ticket is None:
            return False
        lane = self._people[ticket.user_id].lanes[ticket.needs]
        lane.tickets.remove(ticket)
        self._drop_if_empty(ticket, lane)
        return True

    def clear(self) -> None:
        """Take all tickets out."""
        self._people.clear()
        self._heaps.clear()
        self._owners.clear()

    def kinds(self) -> tuple[JobNeeds, ...]:
        """Return the kinds of needs that tickets have."""
        return tuple(self._heaps)

    def head(self, needs: JobNeeds) -> Head | None:
        """Return the ticket of such needs whose turn is first."""
        if needs not in self._heaps:
            return None

        def key_of(user_id: int) -> Key | None:
            person = self._people.get(user_id)
            lane = person.lanes.get(needs) if person else None
            return person.key(lane) if person and lane else None

        found = self._heaps[needs].first(key_of)
        if found is None:
            del self._heaps[needs]
            return None
        key, user_id = found
        return Head(key, self._people[user_id].lanes[needs].tickets[0])

    def following(self, ticket: Ticket) -> Iterator[Ticket]:
        """Yield the tickets that the owner of this one has with the same needs, in their order."""
        person = self._people.get(ticket.user_id)
        lane = person.lanes.get(ticket.needs) if person else None
        yield from lane.tickets if lane else ()

    def needs_of_others(self, user_id: int) -> Iterator[JobNeeds]:
        """Yield the needs that tickets of other people have, some of them several times."""
        for other, person in self._people.items():
            if other != user_id:
                yield from person.lanes

    @property
    def people(self) -> int:
        """The number of people who have tickets."""
        return len(self._people)

    def serve(self, ticket: Ticket, *, late: int = 0) -> None:
        """Take out the first ticket of its lane: it is its owner's turn.

        One that comes ``late`` by so many turns brings the owner's next turn forward by as many.
        """
        person = self._people[ticket.user_id]
        lane = person.lanes[ticket.needs]
        self._note_passed(person, lane, ticket)
        lane.tickets.popleft()
        del self._owners[ticket.job_id]
        self.turn += 1
        person.turn = self.turn - late
        self._served.pop(ticket.user_id, None)
        self._served[ticket.user_id] = person.turn
        if len(self._served) > _MAX_REMEMBERED:  # the one longest ago, who is as good as new
            del self._served[next(iter(self._served))]
        self._drop_if_empty(ticket, lane)
        if ticket.user_id in self._people:  # whose turn is the last one now
            self._people[ticket.user_id] = self._people.pop(ticket.user_id)

    def in_order(self) -> Iterator[Ticket]:
        """Yield all tickets in the order they would be served in if nobody else came."""
        # kept so, it is nearly in order the next time, and what is nearly in order is sorted
        # in linear time
        self._people = dict(
            sorted(self._people.items(), key=lambda each: (each[1].turn, each[1].arrival))
        )
        rounds = [person.tickets() for person in self._people.values()]
        turn = 0
        while rounds:
            yield from (tickets[turn] for tickets in rounds)
            turn += 1
            rounds = [tickets for tickets in rounds if turn < len(tickets)]

    def _note_passed(self, person: _Person, served: _Lane, ticket: Ticket) -> None:
        """Keep the turn of their lanes whose first tickets are earlier, which are passed over.

        One turn is kept once: when it is used, those still passed over have the turn that is due
        now. Else whoever has many that are passed over would be served again and again.
        """
        was_passed = served.kept_turn is not None
        turn = self.turn + 1 if was_passed else person.turn
        served.kept_turn = None
        for lane in person.lanes.values():
            if lane is served:
                continue
            is_passed = lane.tickets[0].number < ticket.number
            if (was_passed and lane.kept_turn is not None) or (
                is_passed and lane.kept_turn is None
            ):
                lane.kept_turn = turn

    def _push(self, user_id: int, person: _Person, needs: JobNeeds) -> None:
        heap = self._heaps.setdefault(needs, _Heap())
        heap.push(user_id, person.key(person.lanes[needs]))

    def _drop_if_empty(self, ticket: Ticket, lane: _Lane) -> None:
        if lane.tickets:
            return
        person = self._people[ticket.user_id]
        del person.lanes[ticket.needs]
        if not person.lanes:
            del self._people[ticket.user_id]
