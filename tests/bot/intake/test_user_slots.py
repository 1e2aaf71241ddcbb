"""Turns at edits and contact sheets, in the order of the people and by no clock."""

from __future__ import annotations

import asyncio

import pytest

from bot.core.errors import RefusedError
from bot.intake.user_slots import UserSlots

ADA, BOB, EVE = 1, 2, 3


class Work:
    """Begins turns, writes down their order, and ends each when it is told to."""

    def __init__(self, **limits: int) -> None:
        self.turns = UserSlots(**limits)
        self.begun: list[int] = []
        self.refused: list[int] = []
        self._ends: list[tuple[int, asyncio.Event]] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def ask(self, user_id: int, times: int = 1) -> None:
        self._tasks += [asyncio.create_task(self._one(user_id)) for _ in range(times)]
        await _settled()

    async def end(self, user_id: int) -> None:
        """The first of this person's that is at work."""
        place = next(each for each in self._ends if each[0] == user_id)
        self._ends.remove(place)
        place[1].set()
        await _settled()

    async def cancel(self, number: int) -> None:
        self._tasks[number].cancel()
        await _settled()

    async def _one(self, user_id: int) -> None:
        try:
            async with self.turns.slot(user_id):
                self.begun.append(user_id)
                end = asyncio.Event()
                self._ends.append((user_id, end))
                await end.wait()
        except RefusedError:
            self.refused.append(user_id)


async def _settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_who_comes_after_a_hundred_presses_begins_at_once() -> None:
    work = Work(at_once=2, each=1, waiting=4)
    await work.ask(ADA, 100)
    assert work.begun == [ADA]
    assert len(work.refused) == 95
    await work.ask(BOB)
    assert work.begun == [ADA, BOB]


async def test_people_are_served_in_rounds() -> None:
    work = Work(at_once=1, each=1, waiting=9)
    await work.ask(ADA, 4)
    await work.ask(BOB, 2)
    await work.ask(EVE)
    for user_id in (ADA, BOB, EVE, ADA, BOB, ADA):
        await work.end(user_id)
    assert work.begun == [ADA, BOB, EVE, ADA, BOB, ADA, ADA]


async def test_a_refusal_says_so_and_costs_nothing() -> None:
    turns = UserSlots(at_once=1, each=1, waiting=0)
    async with turns.slot(ADA):
        with pytest.raises(RefusedError, match="already waiting"):
            async with turns.slot(ADA):
                pass
    async with turns.slot(ADA):
        pass


async def test_one_that_is_cancelled_gives_its_place_back() -> None:
    work = Work(at_once=1, each=1, waiting=4)
    await work.ask(ADA)
    await work.ask(BOB)
    await work.ask(EVE)
    await work.cancel(1)  # waits
    await work.cancel(0)  # is at work
    assert work.begun == [ADA, EVE]
    await work.end(EVE)
    await work.ask(BOB)
    assert work.begun == [ADA, EVE, BOB]


async def test_nobody_is_remembered_once_all_is_done() -> None:
    work = Work(at_once=2, each=1, waiting=4)
    for user_id in range(50):
        await work.ask(user_id)
        await work.end(user_id)
    assert work.turns._waiting == {}
    assert not work.turns._running
