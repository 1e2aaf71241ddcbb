"""How long people wait beside somebody who asks without end, and what the queue itself costs.

A thousand hours in virtual time (``benchmarks.fleet``): forty people of whom few ask for most, and
then one more who has as many GIFs waiting as one person may, all the time. The light ones are the
twenty who ask the least. Beside it a queue that takes all by arrival. Prints Markdown tables.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable, Sequence

from benchmarks.fleet import Arrival, Fleet, Outcome
from benchmarks.table import print_table
from bot.jobs.needs import JobNeeds
from bot.jobs.queue import FairQueue, Ticket

HEAVY = 0
_HOUR = 3600.0
_PEOPLE = 40
_LIGHT = range(_PEOPLE // 2 + 1, _PEOPLE + 1)  # those who ask the least
_JOB_SECONDS = 60.0
_NEEDS = JobNeeds(model="a", frames=16, pixels=512 * 512)
_LOADS = (0.5, 0.75, 1.0, 1.25, 1.5)


def community(load: float, hours: float, *, workers: int = 1, seed: int = 3) -> list[Arrival]:
    """Return what people ask for who together want so much of what the workers can do.

    The first asks twice as often as the second, three times as often as the third, and so on; a job
    takes half of the mean to half more.
    """
    chance = random.Random(seed)
    weights = [1 / number for number in range(1, _PEOPLE + 1)]
    each_second = load * workers / _JOB_SECONDS
    at, found = 0.0, []
    while (at := at + chance.expovariate(each_second)) < hours * _HOUR:
        [user_id] = chance.choices(range(1, _PEOPLE + 1), weights)
        found.append(Arrival(at, user_id, _NEEDS, _JOB_SECONDS * chance.uniform(0.5, 1.5)))
    return found


def with_heavy(arrivals: Sequence[Arrival], hours: float, *, workers: int = 1) -> list[Arrival]:
    """Return these with those of one who asks twice as often as the workers are done."""
    step = _JOB_SECONDS / 2 / workers
    chance = random.Random(5)
    heavy = [
        Arrival(number * step, HEAVY, _NEEDS, _JOB_SECONDS * chance.uniform(0.5, 1.5))
        for number in range(int(hours * _HOUR / step))
    ]
    return sorted([*arrivals, *heavy], key=lambda arrival: arrival.at)


def light_waits(arrivals: Sequence[Arrival], outcome: Outcome) -> list[float]:
    """Return how long each job of the light people waited."""
    return [
        began - arrival.at
        for arrival, began in zip(arrivals, outcome.began, strict=True)
        if arrival.user_id in _LIGHT and began >= 0
    ]


def p95(waits: Sequence[float]) -> float:
    return statistics.quantiles(waits, n=20)[-1]


def run(
    arrivals: Sequence[Arrival], *, per_user: int, workers: int = 1, is_by_arrival: bool = False
) -> Outcome:
    """Have a fleet of one model make them."""
    fleet = Fleet(("a",), workers, per_user=per_user, is_by_arrival=is_by_arrival)
    return fleet.run(arrivals)


def _heavy_share(arrivals: Sequence[Arrival], outcome: Outcome) -> float:
    made = [each for each, began in zip(arrivals, outcome.began, strict=True) if began >= 0]
    heavy = sum(each.seconds for each in made if each.user_id == HEAVY)
    return heavy / sum(each.seconds for each in made)


def _line(load: float, hours: float, workers: int) -> tuple[str, ...]:
    people = community(load, hours, workers=workers)
    both = with_heavy(people, hours, workers=workers)
    alone = p95(light_waits(people, run(people, per_user=5, workers=workers)))
    five, fifty = (run(both, per_user=most, workers=workers) for most in (5, 50))
    by_arrival = run(both, per_user=50, workers=workers, is_by_arrival=True)
    beside = [p95(light_waits(both, outcome)) for outcome in (five, fifty)]
    longest = max(began - each.at for each, began in zip(both, five.began, strict=True))
    return (
        f"{load:g}",
        f"{alone:.0f} s",
        *(f"{each:.0f} s, {each / alone:.2f} times" for each in beside),
        f"{p95(light_waits(both, by_arrival)):,.0f} s",
        f"{_heavy_share(both, five):.0%}, {_heavy_share(both, fifty):.0%}",
        f"{longest / 60:.0f} min",
    )


def _print_waits(hours: float, workers: int) -> None:
    print_table(
        f"{hours:,.0f} hours, {workers} worker(s), jobs of {_JOB_SECONDS / 2:.0f} to "
        f"{_JOB_SECONDS * 1.5:.0f} s: how long a light person waits, 95th percentile",
        (
            "load of the others",
            "without a heavy one",
            "beside one with 5 waiting",
            "with 50",
            "with 50, by arrival",
            "the heavy one's share, with 5, 50",
            "the longest wait of anybody, with 5",
        ),
        [_line(load, hours, workers) for load in _LOADS],
    )


# -- what the queue costs --------------------------------------------------------------------------


def _each(count: int, act: Callable[[int], object]) -> str:
    """Return the CPU microseconds of an act that is done so often."""
    began = time.process_time()
    for number in range(count):
        act(number)
    return f"{(time.process_time() - began) / count * 1e6:.1f}"


def _cost(people: int, each: int) -> tuple[str, ...]:
    """Return a line of what each operation costs with so many people who wait."""
    queue = FairQueue()
    chance = random.Random(1)
    kinds = [JobNeeds(model="a", frames=frames) for frames in (8, 16, 24)]
    number = people * each

    def put(number: int) -> None:
        needs = chance.choice(kinds)
        queue.put(Ticket(number, str(number), number % people, needs, seconds=20 * chance.random()))

    def make(_: int) -> None:
        if (ticket := queue.take()) is not None:
            taken.append(ticket)

    def settle(number: int) -> None:
        queue.settle(taken[number].job_id, taken[number].user_id, 20 * chance.random())

    def put_another(more: int) -> None:
        put(number + more)

    def foresee(_: int) -> None:
        queue.settle("", 0, 0.0)  # so that it is worked out anew
        queue.position("0")

    taken: list[Ticket] = []
    putting = _each(number, put)
    some = min(5_000, number // 2)
    making, settling, again = _each(some, make), _each(some, settle), _each(some, put_another)
    removing = _each(some, lambda more: queue.remove(str(number + more)))
    ordering = float(_each(5, foresee)) / 1000
    return (
        f"{people:,}",
        f"{number:,}",
        putting,
        making,
        settling,
        again,
        removing,
        f"{ordering:.1f} ms",
        f"{ordering * 1000 / len(queue):.2f}",
    )


def _print_cost() -> None:
    print_table(
        "What the queue costs, in microseconds of CPU for each",
        (
            "people",
            "jobs that wait",
            "put",
            "take",
            "settle",
            "put again",
            "remove",
            "the whole order",
            "the order, a job",
        ),
        [_cost(people, each) for people in (100, 1_000, 10_000, 100_000) for each in (1, 5)],
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=1000.0, help="(default: 1000)")
    parser.add_argument("--workers", type=int, default=1, help="(default: 1)")
    chosen = parser.parse_args()
    _print_cost()
    _print_waits(chosen.hours, chosen.workers)


if __name__ == "__main__":
    main()
