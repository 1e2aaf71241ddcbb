"""How much one person may ask, by a clock that stands still unless it is told."""

from __future__ import annotations

from bot.policy.rate_limit import RateLimit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_so_many_at_once_then_as_many_as_come_back() -> None:
    clock = Clock()
    allowance = RateLimit(at_once=10, each_second=2, clock=clock)
    assert [allowance.take(1) for _ in range(12)] == [True] * 10 + [False] * 2
    assert allowance.take(2)
    clock.now += 1.5
    assert [allowance.take(1) for _ in range(4)] == [True] * 3 + [False]
    clock.now += 1000
    assert [allowance.take(1) for _ in range(11)] == [True] * 10 + [False]


def test_nothing_a_second_is_no_limit() -> None:
    allowance = RateLimit(at_once=0, each_second=0)
    assert all(allowance.take(1) for _ in range(1000))


def test_people_are_forgotten_not_heaped_up() -> None:
    allowance = RateLimit(at_once=1, each_second=1, clock=Clock())
    for user_id in range(20_001):
        allowance.take(user_id)
    assert allowance.take(0)
    assert not allowance.take(20_000)


def test_what_costs_little_may_come_more_often() -> None:
    allowance = RateLimit(at_once=2, each_second=1, clock=Clock())
    assert [allowance.take(1, 0.125) for _ in range(8)] == [True] * 8
    assert [allowance.take(1) for _ in range(2)] == [True, False]
