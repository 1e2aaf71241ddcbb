"""Fair between people, first come first served for each."""

from __future__ import annotations

import asyncio

from bot.jobs.queue import FairQueue, Ticket

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


async def test_draining_leaves_nothing() -> None:
    queue = filled(ADA, BOB)
    assert [ticket.number for ticket in queue.drain()] == [0, 1]
    assert len(queue) == 0
