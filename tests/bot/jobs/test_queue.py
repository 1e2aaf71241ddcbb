"""Fair between people, first come first served for each."""

from __future__ import annotations

import asyncio
import copy

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.jobs.needs import JobNeeds
from bot.jobs.queue import ANY_WORKER, FairQueue, Ticket

ADA, BOB, CY = 1, 2, 3


def ticket(number: int, user: int) -> Ticket:
    return Ticket(number, f"job{number}", user)


def filled(*users: int) -> FairQueue:
    queue = FairQueue()
    for number, user in enumerate(users):
        queue.put(ticket(number, user))
    return queue


async def served(queue: FairQueue) -> list[int]:
    return [(await queue.get()).number for _ in range(len(queue))]


async def test_people_take_turns() -> None:
    queue = filled(ADA, ADA, ADA, BOB, CY, BOB)
    foretold = [ticket.number for ticket in queue.order()]
    assert await served(queue) == foretold == [0, 3, 4, 1, 5, 2]


async def test_a_newcomer_is_next() -> None:
    queue = filled(*[ADA] * 50)
    await queue.get()
    queue.put(ticket(99, BOB))
    assert queue.position("job99") == 0
    assert (await queue.get()).number == 99
    assert (await queue.get()).number == 1


async def test_coming_again_and_again_gets_nobody_ahead() -> None:
    queue = filled(ADA, BOB, BOB)
    assert (await queue.get()).user_id == ADA
    queue.put(ticket(10, ADA))
    assert (await queue.get()).user_id == BOB
    assert (await queue.get()).user_id == ADA
    queue.put(ticket(11, ADA))
    assert (await queue.get()).user_id == BOB


async def test_what_comes_back_is_next_in_turn() -> None:
    queue = filled(ADA, ADA, BOB)
    first = await queue.get()
    queue.put_back(first)
    assert await served(queue) == [0, 2, 1]


async def test_one_can_be_taken_out() -> None:
    queue = filled(ADA, BOB)
    assert queue.remove("job0")
    assert not queue.remove("job0")
    assert await served(queue) == [1]


async def test_positions_follow_every_change() -> None:
    queue = filled(ADA, ADA, BOB)
    assert [queue.position(f"job{number}") for number in range(3)] == [0, 2, 1]
    await queue.get()
    assert [queue.position(f"job{number}") for number in (2, 1)] == [0, 1]
    queue.remove("job2")
    assert queue.position("job1") == 0


async def test_getting_waits_until_there_is_something() -> None:
    queue = FairQueue()
    waiting = [asyncio.create_task(queue.get()) for _ in range(2)]
    await asyncio.sleep(0)
    queue.put(ticket(1, ADA))
    queue.put(ticket(2, ADA))
    assert {found.number for found in await asyncio.gather(*waiting)} == {1, 2}


class Holder:
    """A worker that holds one model, and can change."""

    def __init__(self, model: str) -> None:
        self.model = model

    def accepts(self, _: JobNeeds) -> bool:
        return True


async def test_several_are_taken_at_once_in_turn() -> None:
    queue = filled(ADA, ADA, ADA, BOB)
    assert [ticket.number for ticket in queue.take_waiting(ANY_WORKER, 3, 60.0)] == [0, 3, 1]
    assert [ticket.number for ticket in queue.take_waiting(ANY_WORKER, 3, 60.0)] == [2]
    assert queue.take_waiting(ANY_WORKER, 3, 60.0) == []


async def test_nothing_is_taken_behind_what_takes_long() -> None:
    queue = FairQueue()
    for number, seconds in enumerate((0.5, 0.5, 30.0, 0.5)):
        queue.put(Ticket(number, str(number), ADA, seconds=seconds))
    assert [ticket.number for ticket in queue.take_waiting(ANY_WORKER, 4, 2.0)] == [0, 1, 2]
    assert [ticket.number for ticket in queue.take_waiting(ANY_WORKER, 4, 2.0)] == [3]


async def test_a_second_one_is_left_to_a_worker_that_waits() -> None:
    queue = FairQueue()
    waiting = asyncio.create_task(queue.get(Holder("sketch")))
    await asyncio.sleep(0)
    for number in range(3):
        queue.put(ticket(number, ADA))
    assert [ticket.number for ticket in queue.take_waiting(ANY_WORKER, 3, 60.0)] == [0]
    assert (await waiting).number == 1


async def test_what_wants_another_model_or_is_the_bots_own_is_waited_for() -> None:
    queue, holder = FairQueue(), Holder("nano")
    queue.put(Ticket(0, "background", BOB, JobNeeds(model="nano"), is_background=True))
    assert queue.take_waiting(holder, 3, 60.0) == []
    queue.put(Ticket(1, "other", ADA, JobNeeds(model="sketch")))
    assert queue.take_waiting(holder, 3, 60.0) == []
    queue.put(Ticket(2, "own", ADA, JobNeeds(model="nano")))
    assert [ticket.number for ticket in queue.take_waiting(holder, 3, 60.0)] == [2]
    assert (await queue.get(holder)).number == 1


async def test_draining_leaves_nothing() -> None:
    queue = filled(ADA, BOB)
    assert [ticket.number for ticket in queue.drain()] == [0, 1]
    assert len(queue) == 0


def served_by(queue: FairQueue) -> list[int]:
    """The order in which a queue like this one would be served now."""
    like = copy.deepcopy(queue)
    return [ticket.number for ticket in iter(like.take, None)]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(8, 10), st.integers(0, 3)), max_size=40))
@settings(max_examples=60, deadline=None)
def test_the_order_is_that_of_serving_whatever_came_before(
    asked: list[tuple[int, int, int]],
) -> None:
    queue = FairQueue()
    for number, (user, frames, then) in enumerate(asked):
        queue.put(Ticket(number, f"job{number}", user, JobNeeds(frames=frames)))
        if then == 1:
            queue.take()
        elif then == 2 and (taken := queue.take()) is not None:
            queue.put_back(taken)
        elif then == 3:
            queue.remove(f"job{number // 2}")
        queue.order()  # which may leave something behind
    assert [ticket.number for ticket in queue.order()] == served_by(queue)


async def test_what_nobody_can_make_is_last() -> None:
    queue = FairQueue(lambda needs: needs.frames < 100)
    for number, frames in enumerate((8, 100, 9, 100)):
        queue.put(Ticket(number, f"job{number}", ADA, JobNeeds(frames=frames)))
    assert [ticket.number for ticket in queue.order()] == [0, 2, 1, 3]
    assert queue.position("job1") == 2
