"""A fleet in virtual time: nobody starves because of models, and workers seldom change theirs."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fleet import CHANGE_SECONDS, Arrival, Fleet, arrivals_of, waits_by_model
from bot.jobs.needs import JobNeeds
from bot.jobs.queue import FairQueue, ModelChanges, Ticket

MODELS = ("a", "b", "c")
ALLOWED = ModelChanges()
ASKED = st.tuples(st.integers(1, 6), st.sampled_from(MODELS), st.integers(0, 200))


def asked(user_id: int, model: str, at: float = 0.0) -> Arrival:
    return Arrival(at, user_id, JobNeeds(model=model))


@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from(MODELS)), max_size=120))
@settings(max_examples=150, deadline=None)
def test_who_waits_for_another_model_is_few_jobs_behind(jobs: list[tuple[int, str]]) -> None:
    """One worker, and all are there at once, so whose turn it is stands fast."""
    arrivals = [asked(*job) for job in jobs]
    fair = FairQueue()
    for number, arrival in enumerate(arrivals):
        fair.put(Ticket(number, str(number), arrival.user_id, arrival.needs))
    turns = {ticket.number: place for place, ticket in enumerate(fair.order())}
    outcome = Fleet(MODELS, 1).run(arrivals)
    assert sorted(outcome.order) == list(range(len(arrivals)))
    behind = [place - turns[number] for place, number in enumerate(outcome.order)]
    # each model that isn't wanted is held at most once until then; a person's own may change places
    most = (ALLOWED.jobs + 6) * (len(MODELS) - 1)
    assert max(behind, default=0) <= most
    assert outcome.changes <= len(jobs) / 2 + len(MODELS)


@given(st.lists(ASKED, max_size=150), st.integers(1, 5))
@settings(max_examples=150, deadline=None)
def test_everybody_is_served_by_any_fleet(jobs: list[tuple[int, str, int]], workers: int) -> None:
    arrivals = [asked(*job) for job in sorted(jobs, key=lambda job: job[2])]
    outcome = Fleet(MODELS, workers).run(arrivals)
    assert sorted(outcome.order) == list(range(len(arrivals)))
    assert all(began >= arrival.at for arrival, began in zip(arrivals, outcome.began, strict=True))


@given(st.integers(1, 4), st.integers(1, 3))
@settings(max_examples=12, deadline=None)
def test_one_job_comes_through_a_flood_of_another_model(workers: int, flooding: int) -> None:
    """Those who flood are served again and again, as long as it lasts; one other asks in it."""
    flood = [asked(number % flooding, "a", number * 0.1) for number in range(600)]
    arrivals = sorted([*flood, asked(99, "b", 10.05)], key=lambda arrival: arrival.at)
    place = arrivals.index(asked(99, "b", 10.05))
    outcome = Fleet(("a", "b"), workers).run(arrivals)
    waited = outcome.began[place] - 10.05
    assert waited <= ALLOWED.seconds + CHANGE_SECONDS + 2 * 20


def test_a_fleet_settles_on_how_many_hold_each_model() -> None:
    arrivals = arrivals_of(3000, models=("a", "b", "c", "d"), people=60, each_second=8.0)
    outcome = Fleet(("a",) * 4 + ("b", "c", "d"), 100).run(arrivals)
    assert outcome.changes < 0.1 * len(arrivals)
    waits = waits_by_model(arrivals, outcome)
    longest = {model: max(each) for model, each in waits.items()}
    assert max(longest.values()) <= 2 * min(longest.values()) + ALLOWED.seconds
