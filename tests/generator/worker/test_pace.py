"""When a worker asks for its next job: a moment before it can begin it, by the pace it has."""

from __future__ import annotations

from dataclasses import replace

from generator.contract.messages import Request
from generator.worker.pace import Pace
from generator.worker.room import LEAD_SECONDS

A_REQUEST = Request(prompt="x", seed=1, width=64, height=64, steps=10, guidance_scale=5.0)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def asked_at(pace: Pace, clock: Clock, request: Request, step_seconds: float) -> int:
    """Returns after how many of its steps a job is nearly computed."""
    asked = 0 if pace.begin(request) else None
    for step in range(1, request.steps + 1):
        clock.now += step_seconds
        if pace.step(step, request.steps) and asked is None:
            asked = step
    assert asked is not None
    return asked


def test_the_next_job_is_asked_for_as_early_as_it_takes_to_come() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert asked_at(pace, clock, A_REQUEST, LEAD_SECONDS / 3.5) == 7
    assert asked_at(pace, clock, A_REQUEST, LEAD_SECONDS * 2) == 10


def test_a_short_job_is_known_by_the_one_before() -> None:
    """Of frames as large; larger ones take longer in proportion."""
    clock = Clock()
    pace = Pace(clock)
    short = replace(A_REQUEST, steps=1)
    assert asked_at(pace, clock, short, LEAD_SECONDS / 3.5) == 1
    assert asked_at(pace, clock, short, LEAD_SECONDS / 3.5) == 0
    assert asked_at(pace, clock, replace(short, width=256), LEAD_SECONDS) == 1


def test_how_long_whole_jobs_take_is_known_once_one_was_computed() -> None:
    """Quick steps promise nothing: what follows them may take long, or the job stand still."""
    clock = Clock()
    pace = Pace(clock)
    asked_at(pace, clock, A_REQUEST, 0.1)
    assert pace.job_seconds(A_REQUEST) == float("inf")
    clock.now += 3
    pace.together().computed()
    assert abs(pace.job_seconds(A_REQUEST) - 4) < 1e-6
    assert abs(pace.together().job_seconds(replace(A_REQUEST, steps=20)) - 5) < 1e-6
