"""A fleet in virtual time: nobody starves because of models, and workers seldom change theirs."""

from __future__ import annotations

import statistics
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fleet import CHANGE_SECONDS, Arrival, Fleet, arrivals_of, waits_by_model
from bot.jobs.needs import JobNeeds
from bot.jobs.queue import FairQueue, Ticket

MODELS = ("a", "b", "c")
JOBS_AHEAD, SECONDS_FIRST = 8, 180  # that docs/operating.md promises
ASKED = st.tuples(st.integers(1, 6), st.sampled_from(MODELS), st.integers(0, 200))


def asked(user_id: int, model: str, at: float = 0.0) -> Arrival:
    return Arrival(at, user_id, JobNeeds(model=model))


def behind(arrivals: list[Arrival]) -> tuple[int, int]:
    """By how many jobs one worker makes a job after its turn, and its changes of model."""
    fair = FairQueue()
    for number, arrival in enumerate(arrivals):
        fair.put(Ticket(number, str(number), arrival.user_id, arrival.needs))
    turns = {ticket.number: place for place, ticket in enumerate(fair.order())}
    outcome = Fleet(MODELS, 1).run(arrivals)
    assert sorted(outcome.order) == list(range(len(arrivals)))
    return max(place - turns[number] for place, number in enumerate(outcome.order)), outcome.changes


@given(st.lists(st.integers(1, 8), min_size=1, max_size=120), st.integers(0, 3**8 - 1))
@settings(max_examples=150, deadline=None)
def test_nobody_is_far_behind_for_a_model(people: list[int], chosen: int) -> None:
    """All are there at once, each with a model: whose turn it is stands fast."""
    arrivals = [asked(user_id, MODELS[chosen // 3**user_id % 3]) for user_id in people]
    most, changes = behind(arrivals)
    assert most <= 5 * JOBS_AHEAD
    assert changes <= len(arrivals) / 4 + len(MODELS)


def test_who_came_late_for_a_model_has_the_next_turn_sooner() -> None:
    """Else whoever alone wants a model is made wait in each round, and falls back for good."""
    models = {1: "a", 2: "a", 3: "a", 4: "a", 5: "a", 6: "b", 7: "c"}
    most, _ = behind([asked(*each) for each in models.items()] * 20)
    assert most <= 3 * JOBS_AHEAD


@given(st.lists(ASKED, max_size=150), st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_everybody_is_served_by_any_fleet(jobs: list[tuple[int, str, int]], workers: int) -> None:
    arrivals = [asked(*job) for job in sorted(jobs, key=lambda job: job[2])]
    outcome = Fleet(MODELS, workers).run(arrivals)
    assert sorted(outcome.order) == list(range(len(arrivals)))
    assert all(began >= arrival.at for arrival, began in zip(arrivals, outcome.began, strict=True))


def test_people_who_keep_to_a_model_wait_alike() -> None:
    """Half of them want one, and the fleet has more to do than it can."""
    models = ("a", "a", "b", "c")
    arrivals = [
        replace(each, needs=replace(each.needs, model=models[each.user_id % 4]))
        for each in arrivals_of(1200, models=MODELS, people=40, each_second=0.6)
    ]
    waits = waits_by_model(arrivals, Fleet(MODELS, 8).run(arrivals))
    medians = [statistics.median(each) for each in waits.values()]
    assert max(medians) < 2 * min(medians), medians


@given(st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=12, deadline=None)
def test_one_job_comes_through_a_flood_of_another_model(workers: int, flooding: int) -> None:
    """Those who flood are served again and again, as long as it lasts; one other asks in it."""
    flood = [asked(number % flooding, "a", number * 0.1) for number in range(600)]
    arrivals = sorted([*flood, asked(99, "b", 10.05)], key=lambda arrival: arrival.at)
    place = arrivals.index(asked(99, "b", 10.05))
    outcome = Fleet(("a", "b"), workers).run(arrivals)
    waited = outcome.began[place] - 10.05
    assert waited <= SECONDS_FIRST + CHANGE_SECONDS + 2 * 20


def test_a_fleet_settles_on_how_many_hold_each_model() -> None:
    arrivals = arrivals_of(3000, models=("a", "b", "c", "d"), people=60, each_second=8.0)
    outcome = Fleet(("a",) * 4 + ("b", "c", "d"), 100).run(arrivals)
    assert outcome.changes < 0.1 * len(arrivals)
    waits = waits_by_model(arrivals, outcome)
    longest = {model: max(each) for model, each in waits.items()}
    assert max(longest.values()) <= 2 * min(longest.values()) + SECONDS_FIRST
