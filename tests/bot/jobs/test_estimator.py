"""The time left, against machines that are made up: kinds of jobs, noise, cold starts, a slow day.

On a clock of their own, so nothing here depends on how busy this machine is.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from statistics import mean
from typing import cast

import pytest

from bot.jobs.cost_history import CostHistory
from bot.jobs.cost_model import CostModels
from bot.jobs.estimator import JobEstimator
from bot.jobs.queue import FairQueue, Ticket
from bot.jobs.store import JobStore
from bot.storage.database import Database
from bot.storage.models import Job, State
from generator.contract.messages import Control, Lora, Progress, Request
from tests.bot.jobs.samples import REQUEST, job

PLAIN = replace(REQUEST, steps=30, video_length=8)
KINDS = {
    "plain": PLAIN,
    "small": replace(PLAIN, width=320, height=320, steps=20),
    "long": replace(PLAIN, video_length=24),
    "still": replace(PLAIN, video_length=1, steps=50),
    "followed": replace(PLAIN, controls=(Control("canny"),), control_source="a"),
    "from a picture": replace(PLAIN, image="a", image_strength=0.6),
    "with LoRAs": replace(PLAIN, loras=(Lora("a"), Lora("b"))),
}
_NATURE = {"small": 1.5, "still": 2.2, "long": 0.8}  # what no linear model tells
_SHARE, _AFTER = 0.25, 10  # of the truth; jobs of a kind


class Book(JobStore):
    """Holds one job that runs, and those that wait."""

    def __init__(self) -> None:
        super().__init__(cast(Database, None), 99)
        self.jobs: dict[str, Job] = {}

    def get(self, job_id: str) -> Job | None:
        return self.jobs.get(job_id)


@dataclass
class Machine:
    """Makes jobs of all kinds, in steps; ``slowness(number)`` is how much slower it is then."""

    slowness: Callable[[int], float] = lambda _: 1.0
    noise: float = 0.08
    now: float = 0.0
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    costs: CostModels = field(default_factory=CostModels)

    def parts(self, name: str, request: Request, number: int) -> tuple[float, list[float], float]:
        """Seconds before the first step, of each step, and after the last."""
        painted = request.video_length * request.width * request.height / 1e6
        slow = self.slowness(number) * self.chance.lognormvariate(0, self.noise)
        each = 0.12 * painted * (1 + 0.5 * len(request.controls)) * _NATURE.get(name, 1.0)
        before = 0.6 + 0.4 * bool(request.image) + 0.5 * len(request.loras)
        steps = [
            each * slow * self.chance.lognormvariate(0, 0.2) for _ in range(request.steps_made)
        ]
        return before * slow, steps, (0.5 + 0.7 * painted) * slow

    def make(self, number: int, name: str) -> list[tuple[float | None, float]]:
        """Makes one; the time left as it was told at its start and its middle, and the truth."""
        request = KINDS[name]
        before, steps, after = self.parts(name, request, number)
        began, end = self.now, self.now + before + sum(steps) + after
        book = Book()
        book.jobs["a"] = running = job(id="a", state=State.RUNNING, request=request)
        cost_history = CostHistory(cast(Database, None), "nano", self.costs)
        estimator = JobEstimator(book, FairQueue(), cost_history, workers=1, clock=lambda: self.now)
        estimator.job_started("a", "cpu")
        told = [(estimator.status(running).seconds_left, end - self.now)]
        self.now += before
        for step, seconds in enumerate(steps, start=1):
            self.now += seconds
            estimator.job_progressed(Progress("a", 1, "denoise", step, len(steps)))
            if step == len(steps) // 2:
                told.append((estimator.status(running).seconds_left, end - self.now))
        self.now += after
        run = estimator.job_ended("a")
        self.costs.learn("cpu", request, end - began, run.after_steps)
        return told


def shares(machine: Machine, jobs: int = 250) -> tuple[float, float, float]:
    """Of the jobs after ten of their kind, how many were told right: at the start, in the middle;
    and how many the mean of the last ten jobs would have been right for.
    """
    came = dict.fromkeys(KINDS, 0)
    last: list[float] = []
    right: list[tuple[bool, ...]] = []
    for number in range(jobs):
        name = machine.chance.choice(list(KINDS))
        told = machine.make(number, name)
        if came[name] >= _AFTER:
            naive = (mean(last[-10:]), told[0][1])
            right.append(tuple(is_right(*each) for each in (*told, naive)))
        came[name] += 1
        last.append(told[0][1])
    assert len(right) > jobs / 3
    start, middle, naive = (mean(each) for each in zip(*right, strict=True))
    return start, middle, naive


def is_right(told: float | None, truth: float) -> bool:
    return told is not None and abs(told - truth) <= _SHARE * truth


MACHINES: dict[str, Machine] = {
    "steady": Machine(),
    "noisy": Machine(noise=0.12),
    "cold at first": Machine(lambda number: 6.0 if number < 3 else 1.0),
    "with hiccups": Machine(lambda number: 3.0 if number % 25 == 7 else 1.0),
    "slower from one job on": Machine(lambda number: 1.0 if number < 120 else 1.6),
    "slower by and by": Machine(lambda number: 1 + number / 200),
    "by day and night": Machine(lambda number: 1.25 + 0.25 * math.sin(number / 15)),
}


@pytest.mark.parametrize("name", MACHINES)
def test_the_time_left_is_true_after_ten_of_a_kind(name: str) -> None:
    start, middle, naive = shares(MACHINES[name])
    assert start >= 0.9, (start, middle, naive)
    assert middle >= 0.9, (start, middle, naive)
    assert start > naive + 0.2


def test_a_file_that_is_written_keeps_nobody_waiting() -> None:
    """Of ten seconds three are the file's, in which the worker is at the next job."""
    clock, costs = Machine(), CostModels()
    for _ in range(12):
        costs.learn("cpu", PLAIN, 10.0, 4.0, 3.0)
    queue, book = FairQueue(), Book()
    history = CostHistory(cast(Database, None), "nano", costs)
    estimator = JobEstimator(book, queue, history, workers=1, clock=lambda: clock.now)
    for name, state in (("a", State.RUNNING), ("b", State.QUEUED), ("c", State.QUEUED)):
        book.jobs[name] = job(id=name, state=state, request=PLAIN)
    for number, name in enumerate("bc"):
        queue.put(Ticket(number, name, 1))
    estimator.job_started("a", "cpu")
    clock.now += 1.0  # in which it waits behind another one
    estimator.job_begun("a")

    def left(name: str) -> float | None:
        return estimator.status(book.jobs[name]).seconds_left

    assert [left(name) for name in "abc"] == pytest.approx([10, 7 + 10, 7 + 7 + 10], rel=0.05)
    estimator.job_progressed(Progress("a", 1, "denoise", 30, 30))
    clock.now += 1.0
    estimator.job_progressed(Progress("a", 1, "save", 0, 1))
    assert [left(name) for name in "abc"] == pytest.approx([3, 10, 7 + 10], rel=0.05)
    clock.now += 3.0
    run = estimator.job_ended("a")
    assert (run.after_steps, run.file_seconds) == (4.0, 3.0)
