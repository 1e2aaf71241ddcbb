"""How much of a host is read: all that a line held back, and little of a flood."""

from __future__ import annotations

from bot.workers.remote.flood import FloodGate


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_what_a_line_held_back_is_read_at_once_and_a_flood_is_not() -> None:
    clock = Clock()
    gate = FloodGate(rate=5, burst=200, clock=clock)
    assert all(gate.opens() for _ in range(200))
    assert not gate.opens()
    clock.now += 1
    assert [gate.opens() for _ in range(10)].count(True) == 5


def test_a_flood_is_worth_a_line_a_minute() -> None:
    clock = Clock()
    gate = FloodGate(rate=1, burst=1, clock=clock)
    assert [gate.is_first_refusal() for _ in range(100)].count(True) == 1
    clock.now += 61
    assert gate.is_first_refusal()
