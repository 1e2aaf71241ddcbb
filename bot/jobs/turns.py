"""Whose turn it is: that of whoever used the workers least lately and has waited longest.

Each person has a rank in rounds, a round being as many jobs as people wait: the round in which they
began to wait for this turn, and what they used (``bot.jobs.shares``) on top. So people of whom none
used much are served one job each in turn, who used much comes after those who used little, and
since the rounds go on nobody is passed over for ever.

Each person's tickets stand in lanes, one for each kind of needs, in order of acceptance. A worker
that can't make somebody's first one is given the next that it can make; the lane passed over keeps
the turn that it had, so it is among the first for a worker that can. Which of the lanes is next is
found by a heap for each kind of needs, so serving costs the same however many wait. Pure.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bot.jobs.needs import JobNeeds
from bot.jobs.shares import TYPICAL_SECONDS, FairShares

Key = tuple[float, int, int]
"""What comes first: the rank of its owner's turn, who came first, the ticket."""
_Again = tuple[float, int, deque["Ticket"], float, float]
"""Somebody who has been served in a look ahead: the rank of the next turn, when they came, what
tickets are left, what they have used by then, and the rounds of their priority.
"""
_FORESEEN = 1_000  # tickets; nobody asks exactly when a later one's turn is


@dataclass(frozen=True, slots=True, order=True)
class Ticket:
    """A place in the queue; lower numbers were accepted earlier.

    One in the ``is_background`` is served when nobody else's is there. It may keep a worker for so
    many ``seconds``; what somebody used counts the less, the higher the ``priority`` of the ticket
    that they put last.
    """

    number: int
    job_id: str
    user_id: int
    needs: JobNeeds = field(default=JobNeeds(), compare=False)
    is_background: bool = field(default=False, compare=False)
    seconds: float = field(default=TYPICAL_SECONDS, compare=False)
    priority: float = field(default=1.0, compare=False)


@dataclass(frozen=True, slots=True)
class _Turn:
    """A turn that somebody waits for: its rank, and how many jobs were made when that began."""

    rank: float
    since: int


@dataclass(slots=True)
class _Lane:
    """One person's tickets with the same needs; ``kept_turn`` is that of one passed over."""

    tickets: deque[Ticket] = field(default_factory=deque)
    kept_turn: _Turn | None = None

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
    """Somebody who has tickets: the turn that they wait for, and the round in which that began.

    ``ahead`` are the rounds that their priority brings them forward by.
    """

    turn: _Turn
    arrival: int
    round: float
    ahead: float = 0.0
    lanes: dict[JobNeeds, _Lane] = field(default_factory=dict)

    def key(self, lane: _Lane) -> Key:
        turn = lane.kept_turn or self.turn
        return (turn.rank, self.arrival, lane.tickets[0].number)

    @property
    def place(self) -> tuple[float, int]:
        """Where the person stands among others, by the turn that they wait for."""
        return self.turn.rank, self.arrival

    def tickets(self) -> list[Ticket]:
        """Return all tickets in order of acceptance."""
        if len(self.lanes) == 1:
            return list(next(iter(self.lanes.values())).tickets)
        both = [ticket for lane in self.lanes.values() for ticket in lane.tickets]
        return sorted(both, key=lambda ticket: ticket.number)


class _Heap:
    """Finds the first lane among people's lanes with the same needs, each by one entry.

    An entry is never later than its lane: whose rank rises is put right when it comes to the top,
    and whose rank falls has its entry replaced.
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
    """A ticket that is first among some, its place in the order, and how many jobs had been made
    when its owner began to wait for this turn.
    """

    key: Key
    ticket: Ticket
    since: int


class FairTurns:
    """The tickets that wait, by whose turn it is. ``turn`` counts those that were served."""

    def __init__(self, shares: FairShares | None = None) -> None:
        self.shares = shares or FairShares()
        self._people: dict[int, _Person] = {}
        self._heaps: dict[JobNeeds, _Heap] = {}
        self._owners: dict[str, Ticket] = {}
        self._first_arrival = self._last_arrival = 0
        self._round = 0.0  # each job is one of as many as people wait
        self.turn = 0

    def __len__(self) -> int:
        return len(self._owners)

    def put(self, ticket: Ticket) -> None:
        """Add a ticket to its owner's by number, so one that comes back gets its old place."""
        person = self._people.get(ticket.user_id)
        if person is None:
            self._last_arrival += 1
            turn = _Turn(self._round, self.turn)
            person = _Person(turn, self._last_arrival, self._round)
            self._people[ticket.user_id] = person
        person.lanes.setdefault(ticket.needs, _Lane()).insert(ticket)
        self._owners[ticket.job_id] = ticket
        person.ahead = self.shares.ahead(ticket.priority)
        self._rank(ticket.user_id, person)

    def put_back(self, ticket: Ticket) -> None:
        """Add one that was served and interrupted: its owner is next in turn again."""
        self.shares.give_back(ticket.job_id)
        self.put(ticket)
        self._first_arrival -= 1
        person = self._people[ticket.user_id]
        person.round, person.arrival = -math.inf, self._first_arrival
        person.lanes[ticket.needs].kept_turn = None
        self._rank(ticket.user_id, person)

    def note_used(self, user_id: int) -> None:
        """Have somebody's turn follow what their share is now."""
        if (person := self._people.get(user_id)) is not None:
            self._rank(user_id, person)

    def remove(self, job_id: str) -> bool:
        """Take a job's ticket out; False where it wasn't waiting."""
        ticket = self._owners.pop(job_id, None)
        if ticket is None:
            return False
        lane = self._people[ticket.user_id].lanes[ticket.needs]
        lane.tickets.remove(ticket)
        self._drop_if_empty(ticket, lane)
        return True

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
        person = self._people[user_id]
        lane = person.lanes[needs]
        return Head(key, lane.tickets[0], (lane.kept_turn or person.turn).since)

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
        self.shares.charge(ticket.job_id, ticket.user_id, ticket.seconds)
        self.turn += 1
        self._round += 1 / len(self._people)
        person.round = max(person.round, self._round - late / len(self._people))
        due = self._due(ticket.user_id, person, self.turn - late)
        self._note_passed(person, lane, ticket, due)
        person.turn = due
        lane.tickets.popleft()
        del self._owners[ticket.job_id]
        self._drop_if_empty(ticket, lane)
        if ticket.user_id in self._people:  # whose turn is nearly always one of the last now
            self._people[ticket.user_id] = self._people.pop(ticket.user_id)
            self._push(ticket.user_id, person)

    def in_order(self) -> list[Ticket]:
        """Return all tickets in the order they would be served in if nobody else came.

        From the ``_FORESEEN`` first on each person is taken to get one in turn, first those who
        had none among these.
        """
        # kept so, it is nearly in order the next time, and what is nearly in order is sorted
        # in linear time
        self._people = dict(sorted(self._people.items(), key=lambda each: each[1].place))
        first, again = deque(self._people.items()), list[_Again]()
        order: list[Ticket] = []
        now, people = self._round, len(first)
        while (first or again) and len(order) < _FORESEEN:
            if again and (not first or again[0] < first[0][1].place):
                _, arrival, tickets, used, ahead = heapq.heappop(again)
            else:
                user_id, person = first.popleft()
                arrival, tickets, ahead = person.arrival, deque(person.tickets()), person.ahead
                used = self.shares.used(user_id) if len(tickets) > 1 else 0.0
            ticket = tickets.popleft()
            order.append(ticket)
            now += 1 / people
            used += ticket.seconds
            if tickets:
                rank = now + self.shares.behind(used) - ahead
                heapq.heappush(again, (rank, arrival, tickets, used, ahead))
            else:
                people -= 1
        further = [person.tickets() for _, person in first]
        further += [list(tickets) for _, _, tickets, *_ in sorted(again)]
        order.extend(_in_turn(further))
        return order

    def _due(self, user_id: int, person: _Person, since: int) -> _Turn:
        """Return the turn that somebody waits for, by what they have used now."""
        behind = self.shares.behind(self.shares.used(user_id))
        return _Turn(person.round + behind - person.ahead, since)

    def _rank(self, user_id: int, person: _Person) -> None:
        person.turn = self._due(user_id, person, person.turn.since)
        self._push(user_id, person)

    def _note_passed(self, person: _Person, served: _Lane, ticket: Ticket, due: _Turn) -> None:
        """Keep the turn of their lanes whose first tickets are earlier, which are passed over.

        One turn is kept once: when it is used, those still passed over have the turn that is
        ``due`` now. Else whoever has many that are passed over would be served again and again.
        """
        was_passed = served.kept_turn is not None
        turn = due if was_passed else person.turn
        served.kept_turn = None
        for lane in person.lanes.values():
            if lane is served:
                continue
            is_passed = lane.tickets[0].number < ticket.number
            if (was_passed and lane.kept_turn is not None) or (
                is_passed and lane.kept_turn is None
            ):
                lane.kept_turn = turn

    def _push(self, user_id: int, person: _Person) -> None:
        for needs, lane in person.lanes.items():
            self._heaps.setdefault(needs, _Heap()).push(user_id, person.key(lane))

    def _drop_if_empty(self, ticket: Ticket, lane: _Lane) -> None:
        if lane.tickets:
            return
        person = self._people[ticket.user_id]
        del person.lanes[ticket.needs]
        if not person.lanes:
            del self._people[ticket.user_id]


def _in_turn(of_each: Sequence[Sequence[Ticket]]) -> Iterator[Ticket]:
    """Yield the first ticket of each person, then their second ones, and so on."""
    turn = 0
    while of_each:
        yield from (tickets[turn] for tickets in of_each)
        turn += 1
        of_each = [tickets for tickets in of_each if turn < len(tickets)]
