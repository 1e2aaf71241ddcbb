"""The queue serves people by the seconds that they used, and passes nobody over for ever."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.fair import community, light_waits, p95, run, with_heavy
from bot.core.errors import WorkerDiedError
from bot.jobs.cost_model import Estimate
from bot.jobs.queue import FairQueue, Ticket
from bot.jobs.shares import ROUNDS_OF_DOUBLING, TYPICAL_SECONDS, FairShares
from bot.storage import shares as rows
from bot.storage.models import Job, State
from bot.storage.shares import HALF_LIFE
from generator.contract.errors import Failure, FailureKind
from generator.contract.messages import Failed
from generator.contract.text import Text
from tests.bot.jobs.rig import JobRig
from tests.bot.jobs.samples import ABLE, ORIGIN, REQUEST

ADA, BOB, CY = 1, 2, 3


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def ticket(
    number: int, user: int, seconds: float = TYPICAL_SECONDS, priority: float = 1.0
) -> Ticket:
    return Ticket(number, f"job{number}", user, seconds=seconds, priority=priority)


def served(queue: FairQueue) -> list[int]:
    return [ticket.number for ticket in iter(queue.take, None)]


def test_who_used_much_comes_after_who_used_little() -> None:
    queue = FairQueue(clock=Clock())
    queue.load_shares({ADA: 10_000, BOB: 100})
    for number, user in enumerate((ADA, ADA, BOB, BOB, CY, CY)):
        queue.put(ticket(number, user))
    assert [each.number for each in queue.order()] == [4, 5, 2, 3, 0, 1]
    assert queue.position("job0") == 4
    assert served(queue) == [4, 5, 2, 3, 0, 1]


def test_what_was_used_halves_with_time() -> None:
    clock = Clock()
    shares = FairShares(clock)
    shares.load({ADA: 1000})
    shares.charge("a", ADA, 500)
    clock.now = 2 * HALF_LIFE
    assert shares.used(ADA) == pytest.approx(375)
    shares.settle("a", ADA, 100)  # it took less, and only now
    assert shares.used(ADA) == pytest.approx(350)
    clock.now = 1000 * HALF_LIFE
    assert shares.used(ADA) == pytest.approx(0)
    clock.now = 0.0  # set back
    assert shares.used(ADA) <= 350


@pytest.mark.parametrize("took", [0.0, 5.0, 500.0])
def test_a_job_counts_by_its_estimate_until_it_is_over(took: float) -> None:
    queue = FairQueue(clock=Clock())
    queue.load_shares({BOB: 50})
    for number, user in enumerate((ADA, ADA, BOB)):
        queue.put(ticket(number, user, seconds=100))
    first = queue.take()
    assert first is not None
    assert first.number == 0
    assert [each.number for each in queue.order()] == [2, 1]
    queue.settle("job0", ADA, took)
    assert [each.number for each in queue.order()] == ([2, 1] if took > 50 else [1, 2])
    assert served(queue) == ([2, 1] if took > 50 else [1, 2])


def test_what_is_put_back_costs_nothing() -> None:
    queue = FairQueue(clock=Clock())
    for number, user in enumerate((ADA, BOB, ADA)):
        queue.put(ticket(number, user, seconds=100))
    for _ in range(5):
        interrupted = queue.take()
        assert interrupted is not None
        assert interrupted.number == 0
        queue.put_back(interrupted)
    assert served(queue) == [0, 1, 2]


def test_a_priority_brings_forward_by_rounds_and_passes_nobody_over_for_ever() -> None:
    queue = FairQueue(clock=Clock())
    for number in range(10):
        queue.put(ticket(number, BOB))
    queue.put(ticket(10, CY, priority=0.5))
    queue.put(ticket(11, ADA, priority=4.0))
    assert queue.position("job11") == 0
    assert queue.position("job10") > 1
    place = [each.number for each in queue.order()].index(10)
    assert 1 < place < 11
    assert served(queue).index(10) == place


def test_the_order_of_many_is_exact_for_the_first_and_leaves_nobody_out() -> None:
    queue = FairQueue(clock=Clock())
    queue.load_shares({user: 3.0**user for user in range(12)})
    for number in range(2400):
        queue.put(ticket(number, number * 7 % 400, 1 + number % 50))
    order = [each.number for each in queue.order()]
    assert sorted(order) == list(range(2400))
    assert served(queue)[:1000] == order[:1000]


@given(st.floats(0, 1e6), st.integers(1, 6), st.integers(1, 400))
@settings(max_examples=60, deadline=None)
def test_nobody_is_passed_over_for_more_rounds_than_what_they_used_is_worth(
    used: float, people: int, seconds: int
) -> None:
    """However many come who have used nothing, each of them for the first time."""
    queue = FairQueue(clock=Clock())
    queue.load_shares({ADA: used})
    queue.put(ticket(0, ADA))
    rounds = ROUNDS_OF_DOUBLING * math.log2(1 + used / TYPICAL_SECONDS)
    for number in range(1, people + 1):
        queue.put(ticket(number, 1000 + number, seconds))
    for turn in range(int((rounds + 1) * (people + 1)) + 2):
        found = queue.take()
        assert found is not None
        if found.user_id == ADA:
            break
        number = people + 1 + turn
        queue.put(ticket(number, 1000 + number, seconds))
    else:
        pytest.fail("passed over")


@pytest.mark.parametrize("load", [0.5, 1.0, 1.5])
def test_a_light_user_hardly_waits_longer_beside_a_heavy_one(load: float) -> None:
    """A day of what ``python -m benchmarks fair`` measures over a thousand hours."""
    people = community(load, 24)
    both = with_heavy(people, 24)
    alone = p95(light_waits(people, run(people, per_user=5)))
    assert p95(light_waits(both, run(both, per_user=50))) <= 2 * alone
    by_arrival = run(both, per_user=50, is_by_arrival=True)
    assert p95(light_waits(both, by_arrival)) > 4 * alone  # else it would show nothing


# -- over the life of jobs -------------------------------------------------------------------------


async def end_job(rig: JobRig, job: Job, seconds: float) -> None:
    running, generate = await rig.start_job()
    assert running.id == job.id
    rig.jobs.job_ended(running, rig.finished(generate, seconds=seconds))
    await rig.until(job, State.DONE)


async def noted(rig: JobRig) -> dict[int, float]:
    return await rig.database.write(rows.load, datetime.now(UTC))


async def test_what_jobs_took_is_known_after_a_restart(rig: JobRig) -> None:
    await end_job(rig, await rig.accept(), 300.0)
    assert await noted(rig) == {ORIGIN.user_id: pytest.approx(300, rel=1e-3)}
    before = rig.jobs._queue._turns.shares.used(ORIGIN.user_id)
    assert before == pytest.approx(300, rel=1e-3)
    await rig.restarted().recover()
    after = rig.jobs._queue._turns.shares.used(ORIGIN.user_id)
    assert after == pytest.approx(before, rel=1e-3)


async def test_places_and_times_left_follow_what_people_used(rig: JobRig) -> None:
    rig.cost_history.learn("cpu", REQUEST, Estimate(50.0, 1.0, 1.0))
    rig.jobs._queue.load_shares({ORIGIN.user_id: 300.0})
    others = [await rig.accept() for _ in range(2)]
    light = await rig.accept(replace(ORIGIN, user_id=ORIGIN.user_id + 1))
    listed = rig.jobs.waiting_or_running()
    assert [status.job.id for status in listed] == [light.id, others[0].id, others[1].id]
    assert [status.ahead for status in listed] == [0, 1, 2]
    left = [status.seconds_left for status in listed if status.seconds_left is not None]
    assert left == [pytest.approx(own, rel=0.1) for own in (50, 100, 150)]


async def test_what_failed_or_never_ran_costs_nothing(rig: JobRig) -> None:
    job = await rig.accept()
    running, _ = await rig.start_job()
    shares = rig.jobs._queue._turns.shares
    assert shares.used(ORIGIN.user_id) > 0
    rig.jobs.job_ended(
        running, Failed(job.id, 1, Failure(FailureKind.INTERNAL, Text("It failed.")))
    )
    await rig.until(job, State.FAILED)
    assert shares.used(ORIGIN.user_id) == pytest.approx(0, abs=1e-6)
    job = await rig.accept()
    ticket = await rig.jobs.next_ticket(ABLE)
    await rig.jobs.cancel(job.id, by=ORIGIN.user_id)
    assert await rig.jobs.start_job(ticket, "cpu") is None
    job = await rig.accept()
    running, _ = await rig.start_job()
    rig.jobs.worker_died(running, WorkerDiedError(-9))
    await rig.until(job, State.QUEUED)
    await rig.jobs.cancel(job.id, by=ORIGIN.user_id)
    await rig.jobs.wait_until_idle()
    assert shares.used(ORIGIN.user_id) == pytest.approx(0, abs=1e-6)
    assert await noted(rig) == {}


@pytest.mark.parametrize("by_its_owner", [True, False])
async def test_who_cancels_at_work_pays_what_was_done(rig: JobRig, *, by_its_owner: bool) -> None:
    """Else one could look at previews of any number, each cancelled before its last step."""
    job = await rig.accept()
    running, _ = await rig.start_job()
    estimator = rig.jobs._estimator
    later = estimator._clock() + 90
    estimator._clock = lambda: later
    assert running.state is State.RUNNING
    if by_its_owner:
        await rig.jobs.cancel(job.id, by=ORIGIN.user_id)
    else:
        await rig.jobs.cancel(job.id, by=99, manages_guild=ORIGIN.guild_id)
    await rig.jobs.wait_until_idle()
    expected = {ORIGIN.user_id: pytest.approx(90, rel=0.05)} if by_its_owner else {}
    assert await noted(rig) == expected
    used = rig.jobs._queue._turns.shares.used(ORIGIN.user_id)
    assert used == pytest.approx(90 if by_its_owner else 0, rel=0.05, abs=1e-6)


async def test_a_day_later_it_counts_half(rig: JobRig) -> None:
    await end_job(rig, await rig.accept(), 300.0)
    tomorrow = datetime.now(UTC) + timedelta(seconds=HALF_LIFE)
    assert await rig.database.write(rows.load, tomorrow) == {
        ORIGIN.user_id: pytest.approx(150, rel=1e-3)
    }
    assert await rig.database.write(rows.load, tomorrow + timedelta(days=10)) == {}
    assert await noted(rig) == {}  # the row is gone
