"""How far, and how long still."""

from __future__ import annotations

import pytest

from bot.jobs.progress import Progresses
from generator.protocol import Progress


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def step(number: int, *, attempt: int = 1, stage: str = "denoise") -> Progress:
    return Progress("job", attempt, stage, number, 10)


def test_the_time_left_follows_the_steps_seen() -> None:
    clock = Clock()
    progresses = Progresses(clock)
    progresses.note(step(1))
    assert progresses.seconds_left("job") is None
    clock.now += 4.0
    progresses.note(step(3))
    assert progresses.seconds_left("job") == pytest.approx(14.0)
    clock.now += 5.0
    assert progresses.seconds_left("job") == pytest.approx(9.0)
    clock.now += 50.0
    assert progresses.seconds_left("job") == 0.0


def test_a_new_attempt_starts_anew() -> None:
    clock = Clock()
    progresses = Progresses(clock)
    progresses.note(step(1))
    clock.now += 4.0
    progresses.note(step(3))
    progresses.note(step(1, attempt=2))
    assert progresses.seconds_left("job") is None
    assert progresses.last("job") == step(1, attempt=2)
    progresses.forget("job")
    assert progresses.last("job") is None
