"""How far, and how long still."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.jobs.progress import ProgressTracker
from generator.contract.messages import Progress


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def step(number: int, *, attempt: int = 1, stage: str = "denoise", steps: int = 10) -> Progress:
    return Progress("job", attempt, stage, number, steps)


def test_the_time_left_follows_the_steps_seen() -> None:
    clock = Clock()
    progresses = ProgressTracker(clock)
    progresses.update(step(1))
    assert progresses.seconds_left("job") is None
    clock.now += 4.0
    progresses.update(step(3))
    assert progresses.seconds_left("job") == pytest.approx(14.0)
    clock.now += 5.0
    assert progresses.seconds_left("job") == pytest.approx(9.0)
    clock.now += 50.0
    assert progresses.seconds_left("job") == 0.0


def test_an_expected_pace_counts_as_two_steps() -> None:
    clock = Clock()
    progresses = ProgressTracker(clock)
    progresses.update(step(1))
    assert progresses.seconds_left("job", expected=1.0) == pytest.approx(9.0)
    clock.now += 4.0
    progresses.update(step(3))
    assert progresses.seconds_left("job", expected=1.0) == pytest.approx(1.5 * 7)
    assert progresses.seconds_left("job", expected=2.0) == pytest.approx(14.0)


def test_other_stages_are_not_taken_for_steps() -> None:
    clock = Clock()
    progresses = ProgressTracker(clock)
    progresses.update(step(1, stage="encode_image", steps=1))
    assert progresses.seconds_left("job", expected=1.0) is None
    assert progresses.after_steps("job") is None
    for number in (1, 10):
        clock.now += 9.0
        progresses.update(step(number))
    assert progresses.after_steps("job") == 0.0
    clock.now += 3.0
    progresses.update(step(1, stage="decode", steps=2))
    assert progresses.after_steps("job") == 3.0
    assert progresses.last("job") == step(1, stage="decode", steps=2)


def test_a_step_that_is_said_again_is_no_further_step() -> None:
    """Its preview was written a while later."""
    clock = Clock()
    progresses = ProgressTracker(clock)
    for number in (1, 2):
        clock.now += 4.0
        progresses.update(step(number))
    clock.now += 1.0
    later = replace(step(2), preview="job.preview-1.webp")
    progresses.update(later)
    assert progresses.last("job") == later
    assert progresses.seconds_left("job") == pytest.approx(8 * 4.0 - 1.0)


def test_a_new_attempt_starts_anew() -> None:
    clock = Clock()
    progresses = ProgressTracker(clock)
    progresses.update(step(1))
    clock.now += 4.0
    progresses.update(step(3))
    progresses.update(step(1, attempt=2))
    assert progresses.seconds_left("job") is None
    assert progresses.last("job") == step(1, attempt=2)
    progresses.forget("job")
    assert progresses.last("job") is None


def test_steps_of_a_second_pass_weigh_what_they_cost() -> None:
    """Ten steps and then two, each of which is four times the work."""
    clock = Clock()
    progresses = ProgressTracker(clock)

    def work_done(number: int) -> float:
        return number if number <= 10 else 10 + 4 * (number - 10)

    for number in range(1, 7):
        progresses.update(step(number, steps=12), work_done)
        clock.now += 1.0
    assert progresses.seconds_left("job") == pytest.approx(4 + 8 - 1)
    assert progresses.share("job") == 0.5
    for number in range(7, 11):
        progresses.update(step(number, steps=12), work_done)
        clock.now += 1.0
    progresses.update(step(1, stage="decode", steps=2), work_done)
    assert progresses.seconds_left("job") == pytest.approx(8 - 1)
    assert progresses.after_steps("job") is None
    clock.now += 3.0
    progresses.update(step(11, steps=12), work_done)
    assert progresses.seconds_left("job") == pytest.approx(4)
    clock.now += 4.0
    progresses.update(step(12, steps=12), work_done)
    assert progresses.after_steps("job") == 0.0
    assert progresses.share("job") == 1.0
