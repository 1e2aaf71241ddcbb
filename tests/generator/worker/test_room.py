"""For how many jobs a worker asks: as many as are computed while one is on its way, and no more."""

from __future__ import annotations

from generator.contract.messages import MAX_AHEAD, Generate, Request
from generator.worker.room import LEAD_SECONDS, MOST_LEAD_SECONDS, Room

REQUEST = Request(prompt="x", seed=1, width=64, height=64, steps=10, guidance_scale=5.0)


class Parent:
    """Hands jobs over; each takes ``each`` seconds, and is at work for none of them yet."""

    def __init__(self) -> None:
        self.now = 100.0
        self.room = Room(lambda: self.now)
        self._count = 0

    def send(self, *, has_waited: bool = True) -> Generate:
        self._count += 1
        job = Generate(f"job{self._count}", 1, REQUEST, ".gif", has_waited=has_waited)
        self.room.job_came(job)
        return job

    def begin(self, *, has_waited: bool = True) -> None:
        self.room.job_begins(self.send(has_waited=has_waited))

    def ask(self, each: float, left: float = 0.0) -> int:
        return self.room.ask(left, each, lambda _: each)


def test_of_long_jobs_one_waits() -> None:
    parent = Parent()
    for _ in range(3):
        parent.begin()
        assert parent.ask(each=10 * LEAD_SECONDS, left=LEAD_SECONDS) == 1


def test_of_jobs_of_which_nothing_is_known_one_waits() -> None:
    parent = Parent()
    parent.begin()
    assert parent.ask(each=float("inf")) == 1


def test_of_quick_jobs_as_many_wait_as_fill_the_lead() -> None:
    parent, each = Parent(), LEAD_SECONDS / 8
    parent.begin()
    assert parent.ask(each, left=each) == 7
    waiting = [parent.send() for _ in range(7)]
    for job in waiting:
        parent.room.job_begins(job)
        assert parent.ask(each, left=each) == 1
        parent.send()


def test_what_was_asked_for_is_not_asked_for_again() -> None:
    parent, each = Parent(), LEAD_SECONDS / 8
    parent.begin()
    assert parent.ask(each, left=each) == 7
    parent.begin()  # six are yet to come
    assert parent.ask(each, left=each) == 1


def test_once_jobs_are_long_again_those_that_wait_are_enough() -> None:
    parent, each = Parent(), LEAD_SECONDS / 8
    parent.begin()
    parent.ask(each, left=each)
    waiting = [parent.send() for _ in range(7)]
    asked = []
    for job in waiting:
        parent.room.job_begins(job)
        asked.append(parent.ask(each=10 * LEAD_SECONDS, left=LEAD_SECONDS))
    assert asked == [0] * 6 + [1]


def test_jobs_that_take_no_time_are_bounded() -> None:
    parent = Parent()
    parent.begin()
    assert parent.ask(each=0.0) == MAX_AHEAD


def test_a_batch_makes_up_for_the_room_that_it_took() -> None:
    """Its parent hands over what comes next when all of it is made up for."""
    parent = Parent()
    batch = [parent.send() for _ in range(4)]
    said = []
    for job in batch:
        parent.room.job_begins(job)
        said.append(parent.ask(each=10 * LEAD_SECONDS))
    assert sum(said) == 4


def test_the_lead_follows_how_long_answers_take() -> None:
    parent = Parent()
    assert parent.room.lead == LEAD_SECONDS
    for _ in range(2):
        parent.begin()
        parent.ask(each=10.0)
        parent.now += LEAD_SECONDS
    assert parent.room.lead == LEAD_SECONDS  # one late answer is chance
    parent.begin()
    assert LEAD_SECONDS < parent.room.lead < MOST_LEAD_SECONDS
    for _ in range(2):
        parent.ask(each=10.0)
        parent.now += 60.0
        parent.begin()
    assert parent.room.lead == MOST_LEAD_SECONDS
    for _ in range(20):
        parent.ask(each=10.0)
        parent.begin()
    assert parent.room.lead == LEAD_SECONDS


def test_where_nobody_wanted_anything_the_wait_was_no_answer() -> None:
    parent = Parent()
    for _ in range(5):
        parent.begin(has_waited=False)
        parent.ask(each=10.0)
        parent.now += 60.0
    assert parent.room.lead == LEAD_SECONDS
