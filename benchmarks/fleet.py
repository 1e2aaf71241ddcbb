"""The queue's own cost, and how often workers change their model: a fleet in virtual time.

Real tickets go through the real queue by a clock that jumps from event to event; only the workers
are made up. So a thousand of them take no GPU, and what is measured is CPU time. Prints Markdown
tables.
"""

from __future__ import annotations

import heapq
import itertools
import random
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.table import print_table
from bot.jobs.needs import JobNeeds, WorkerFit
from bot.jobs.queue import FairQueue, ModelChanges, Ticket
from generator.contract.declared_limits import DeclaredLimits
from generator.contract.messages import Capabilities, LoadableModel

CHANGE_SECONDS = 30.0
_JOB_SECONDS = 20.0
_LIMITS = DeclaredLimits()


@dataclass(frozen=True, slots=True)
class Arrival:
    """A job that somebody asks for: when, of which model, and how long it takes."""

    at: float
    user_id: int
    needs: JobNeeds
    seconds: float = _JOB_SECONDS


@dataclass
class Outcome:
    """What came of a run: when each job began (-1: it was refused), and how often a worker changed
    its model.
    """

    began: list[float]
    order: list[int] = field(default_factory=list)  # jobs, as they were begun
    changes: int = 0
    end: float = 0.0
    cpu_seconds: float = 0.0


class Fleet:
    """Workers that hold one model each and can load every one, in front of the real queue.

    One person may have ``per_user`` jobs waiting or running. Where it ``is_by_arrival``, the queue
    takes each job for another person's.
    """

    def __init__(
        self,
        models: Sequence[str],
        workers: int,
        *,
        per_user: float = float("inf"),
        is_by_arrival: bool = False,
    ) -> None:
        self._per_user = per_user
        self._is_by_arrival = is_by_arrival
        self._unfinished: Counter[int] = Counter()
        self._making: dict[int, int] = {}  # workers, and their jobs
        self._now = 0.0
        self._held = [models[number * len(models) // workers] for number in range(workers)]
        self._holders = Counter(self._held)
        self._fits = {model: WorkerFit(_able(models, model)) for model in models}
        self._idle: dict[str, dict[int, None]] = {model: {} for model in models}
        self._events: list[tuple[float, int, int | None]] = []  # a worker is free; None: look again
        self._numbers = itertools.count()
        self._is_to_look = False
        changes = ModelChanges(
            holders=lambda model: self._holders[model], takes_seconds=lambda _: CHANGE_SECONDS
        )
        self._queue = FairQueue(changes=changes, clock=lambda: self._now)
        for worker, model in enumerate(self._held):
            self._idle[model][worker] = None

    def run(self, arrivals: Sequence[Arrival]) -> Outcome:
        """Make all jobs, which are in order of their arrival."""
        outcome = Outcome([-1.0] * len(arrivals))
        began = time.process_time()
        for number, arrival in enumerate(arrivals):
            self._until(arrival.at, arrivals, outcome)
            self._now = arrival.at
            if self._unfinished[arrival.user_id] >= self._per_user:
                continue
            self._unfinished[arrival.user_id] += 1
            self._queue.put(
                Ticket(
                    number,
                    str(number),
                    self._owner(number, arrival),
                    arrival.needs,
                    seconds=arrival.seconds,
                )
            )
            self._feed_idle(arrival.needs.model, arrivals, outcome)
        self._until(float("inf"), arrivals, outcome)
        outcome.cpu_seconds = time.process_time() - began
        outcome.end = self._now
        return outcome

    def _until(self, limit: float, arrivals: Sequence[Arrival], outcome: Outcome) -> None:
        while self._events and self._events[0][0] <= limit:
            self._now, _, worker = heapq.heappop(self._events)
            if worker is None:
                self._is_to_look = False
                for model in self._idle:
                    self._feed_idle(model, arrivals, outcome)
                continue
            self._end_job(worker, arrivals)
            if not self._feed(worker, arrivals, outcome):
                self._idle[self._held[worker]][worker] = None

    def _end_job(self, worker: int, arrivals: Sequence[Arrival]) -> None:
        number = self._making.pop(worker)
        arrival = arrivals[number]
        self._unfinished[arrival.user_id] -= 1
        self._queue.settle(str(number), self._owner(number, arrival), arrival.seconds)

    def _owner(self, number: int, arrival: Arrival) -> int:
        return number if self._is_by_arrival else arrival.user_id

    def _feed_idle(self, first: str, arrivals: Sequence[Arrival], outcome: Outcome) -> None:
        """Have an idle worker look, one that holds the model before others, as the queue does."""
        for model in (first, *(each for each in self._idle if each != first)):
            worker = next(iter(self._idle[model]), None)
            if worker is not None and self._feed(worker, arrivals, outcome):
                del self._idle[model][worker]
                return
        if len(self._queue) and any(self._idle.values()) and not self._is_to_look:
            self._is_to_look = True
            self._at(self._now + CHANGE_SECONDS, None)

    def _feed(self, worker: int, arrivals: Sequence[Arrival], outcome: Outcome) -> bool:
        held = self._held[worker]
        ticket = self._queue.take(self._fits[held])
        if ticket is None:
            return False
        began, wanted = self._now, ticket.needs.model
        if wanted != held:
            began += CHANGE_SECONDS
            outcome.changes += 1
            self._holders[held] -= 1
            self._holders[wanted] += 1
            self._held[worker] = wanted
        outcome.began[ticket.number] = began
        outcome.order.append(ticket.number)
        self._making[worker] = ticket.number
        self._at(began + arrivals[ticket.number].seconds, worker)
        return True

    def _at(self, when: float, worker: int | None) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), worker))


def _able(models: Sequence[str], held: str) -> Capabilities:
    return Capabilities(
        model=held,
        device="",
        dtype="",
        max_frames=_LIMITS.max_frames,
        max_pixels=_LIMITS.max_pixels,
        models=tuple(LoadableModel(model, _LIMITS) for model in models),
    )


def arrivals_of(
    jobs: int, *, models: Sequence[str], people: int, each_second: float, seed: int = 7
) -> list[Arrival]:
    """Return jobs of many sizes that come at random; the first model is as popular as the rest."""
    chance = random.Random(seed)
    weights = [len(models) - 1 or 1, *[1] * (len(models) - 1)]
    kinds = [(frames, 512 * 8 * width) for frames in (8, 16, 24) for width in (40, 52, 64)]
    at, found = 0.0, []
    for _ in range(jobs):
        at += chance.expovariate(each_second)
        [model] = chance.choices(models, weights)
        frames, pixels = chance.choice(kinds)
        needs = JobNeeds(model=model, frames=frames, pixels=pixels)
        seconds = _JOB_SECONDS * frames / 16
        found.append(Arrival(at, chance.randrange(people), needs, seconds))
    return found


def waits_by_model(arrivals: Sequence[Arrival], outcome: Outcome) -> dict[str, list[float]]:
    """Return how long each job waited, by its model."""
    waits = defaultdict(list)
    for arrival, began in zip(arrivals, outcome.began, strict=True):
        waits[arrival.needs.model].append(began - arrival.at)
    return dict(waits)


def _measured(name: str, jobs: int, workers: int, *, load: float) -> Iterator[tuple[str, ...]]:
    """Yield a line of a run with four models, at a load of so much of what the fleet can do."""
    models = ("a", "b", "c", "d")
    arrivals = arrivals_of(
        jobs, models=models, people=jobs // 50, each_second=load * workers / _JOB_SECONDS
    )
    outcome = Fleet(models, workers).run(arrivals)
    waits = waits_by_model(arrivals, outcome)
    medians = [statistics.median(each) for each in waits.values()]
    work = sum(arrival.seconds for arrival in arrivals)
    yield (
        name,
        f"{workers:,}",
        f"{jobs:,}",
        f"{outcome.cpu_seconds:.1f} s",
        f"{outcome.cpu_seconds / jobs * 1e6:.0f} us",
        f"{outcome.changes / jobs:.2%}",
        f"{work / (work + outcome.changes * CHANGE_SECONDS):.1%}",
        f"{min(medians):.0f} to {max(medians):.0f} s",
        f"{max(map(max, waits.values())):.0f} s",
    )


def main() -> None:
    lines = [
        *_measured("half busy", 10_000, 8, load=0.5),
        *_measured("half busy", 25_000, 1_000, load=0.5),
        *_measured("too much", 10_000, 1, load=2.0),
        *_measured("too much", 10_000, 8, load=2.0),
        *_measured("too much", 25_000, 1_000, load=2.0),
        *_measured("too much", 50_000, 1_000, load=2.0),
        *_measured("too much", 100_000, 1_000, load=2.0),
    ]
    print_table(
        f"The queue in virtual time: four models, {CHANGE_SECONDS:g} s to change, jobs of 10 to "
        f"{_JOB_SECONDS * 1.5:g} s",
        (
            "demand",
            "workers",
            "jobs",
            "CPU of the queue",
            "a job",
            "changes a job",
            "of the time at work",
            "median wait, by model",
            "longest",
        ),
        lines,
    )


if __name__ == "__main__":
    main()
