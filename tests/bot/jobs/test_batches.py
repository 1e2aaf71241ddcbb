"""Which jobs a worker computes together, what becomes of them, and how long that takes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from bot.core.errors import WorkerDiedError
from bot.jobs.batches import BatchPace, go_together
from bot.jobs.cost_model import Estimate
from bot.jobs.queue import ANY_WORKER, FairQueue, Ticket
from bot.storage.models import State
from generator.contract.messages import Cancelled, Generate, Progress
from tests.bot.jobs.rig import JobRig
from tests.bot.jobs.samples import ABLE, ORIGIN, REQUEST, job
from tests.bot.jobs.test_queue import ADA, BOB, filled

BATCHES = replace(ABLE, batch_pixels=10**9)


def numbers(tickets: Sequence[Ticket]) -> list[int]:
    return [ticket.number for ticket in tickets]


# -- which tickets ---------------------------------------------------------------------------------


async def test_those_of_its_owner_that_follow() -> None:
    queue = filled(ADA, ADA, ADA, ADA, ADA)
    first = await queue.get()
    taken = queue.take_alike(first, ANY_WORKER, 3, lambda ticket: ticket.number != 3)
    assert numbers(taken) == [1, 2]
    assert numbers(queue.order()) == [3, 4]


async def test_nobody_else_waits_for_them() -> None:
    queue = filled(ADA, ADA, ADA, BOB)
    first = await queue.get()
    assert queue.take_alike(first, ANY_WORKER, 3, lambda _: True) == []
    assert queue.remove("job3")
    assert numbers(queue.take_alike(first, ANY_WORKER, 3, lambda _: True)) == [1, 2]


async def test_one_that_the_worker_can_t_make_waits_for_another_anyhow() -> None:
    class Fit:
        model = ""

        def accepts(self, needs: object) -> bool:
            return needs == first.needs

    queue = filled(ADA, ADA)
    queue.put(Ticket(9, "job9", BOB, replace(queue.order()[0].needs, frames=99)))
    first = await queue.get()
    assert numbers(queue.take_alike(first, Fit(), 3, lambda _: True)) == [1]


async def test_workers_without_a_job_get_their_share() -> None:
    queue = FairQueue()
    waiting = [asyncio.create_task(queue.get()) for _ in range(2)]
    await asyncio.sleep(0)
    for number in range(6):
        queue.put(Ticket(number, f"job{number}", ADA))
    first = queue.take()
    assert first is not None
    assert numbers(queue.take_alike(first, ANY_WORKER, 9, lambda _: True)) == [1]  # two for each
    assert {ticket.number for ticket in await asyncio.gather(*waiting)} == {2, 3}


# -- which jobs ------------------------------------------------------------------------------------


def test_what_differs_in_its_seed_alone_goes_together() -> None:
    first = job(state=State.RUNNING, seed=1)
    assert go_together(first, job(seed=2))
    for other in (
        job(seed=2, prompt="y"),
        job(seed=2, crashes=1),
        job(seed=2, state=State.CANCELLED),
        job(seed=2, origin=replace(ORIGIN, suffix=".webp")),
        job(seed=2, origin=replace(ORIGIN, user_id=8)),
    ):
        assert not go_together(first, other)
    assert not go_together(replace(first, crashes=1), job(seed=2))


async def started_together(rig: JobRig, count: int) -> list[Generate]:
    """Accept jobs that differ in their seeds, and start them as a worker's supervisor does."""
    for seed in range(count):
        async with rig.accepting(request=replace(REQUEST, seed=seed)):
            pass
    first = await rig.jobs.next_ticket(BATCHES)
    begun = [await rig.jobs.start_job(first, "cpu")]
    for other in rig.jobs.take_companions(first, BATCHES):
        begun.append(await rig.jobs.start_job(other, "cpu"))
    made = [one[1] for one in begun if one is not None]
    rig.jobs.jobs_together([generate.job_id for generate in made])
    return made


async def test_a_worker_that_makes_one_at_a_time_gets_one(rig: JobRig) -> None:
    for seed in range(2):
        async with rig.accepting(request=replace(REQUEST, seed=seed)):
            pass
    ticket = await rig.jobs.next_ticket(ABLE)
    assert await rig.jobs.start_job(ticket, "cpu")
    assert rig.jobs.take_companions(ticket, ABLE) == []


async def test_after_a_crash_each_is_made_alone(rig: JobRig) -> None:
    """So one that brings workers down takes the others along once, and is given up by itself."""
    handed = await started_together(rig, 3)
    assert len(handed) == 3
    for generate in handed:
        running = rig.store.get(generate.job_id)
        assert running is not None
        rig.jobs.worker_died(running, WorkerDiedError(-9))
    await rig.jobs.wait_until_idle()
    for _ in handed:
        ticket = await rig.jobs.next_ticket(BATCHES)
        begun = await rig.jobs.start_job(ticket, "cpu")
        assert begun is not None
        assert (begun[0].crashes, begun[1].attempt) == (1, 2)
        assert rig.jobs.take_companions(ticket, BATCHES) == []


async def test_each_ends_for_itself_and_teaches_nothing_of_one_alone(rig: JobRig) -> None:
    first, second = await started_together(rig, 2)
    jobs = [running for each in (first, second) if (running := rig.store.get(each.job_id))]
    for running in jobs:
        rig.jobs.job_progressed(Progress(running.id, 1, "save", 0, 1))
    await rig.jobs.cancel(second.job_id, by=ORIGIN.user_id)
    rig.jobs.job_ended(jobs[0], rig.finished(first))
    rig.jobs.job_ended(jobs[1], Cancelled(second.job_id, 1))
    await rig.row_in(jobs[0], State.DONE)
    await rig.until(jobs[1], State.CANCELLED)
    assert [job_id for job_id, *_ in rig.notifier.delivered] == [first.job_id]
    assert rig.jobs._cost_history.estimate(REQUEST) is None


# -- how long it takes -----------------------------------------------------------------------------


def end_batches(pace: BatchPace, share: float, count: int) -> None:
    for number in range(count):
        names = [f"{number}{letter}" for letter in "abcd"]
        pace.begin(names, ("cpu", 1))
        for place, name in enumerate(names, start=1):
            pace.end(name, share * place)


def test_a_batch_takes_as_long_as_its_jobs_until_more_is_known() -> None:
    pace, alone = BatchPace(), Estimate(10.0, 3.0, 2.0)
    pace.begin(["a", "b"], ("cpu", 1))
    assert pace.together("a", alone) == Estimate(18.0, 4.0, 2.0)
    assert pace.together("c", alone) == alone
    assert pace.key("a") == pace.key("b") != pace.key("c")


def test_it_is_learnt_how_long_a_batch_takes() -> None:
    pace = BatchPace()
    end_batches(pace, 0.5, 3)
    pace.begin(["a", "b"], ("cpu", 1))
    assert pace.together("a", Estimate(12.0, 2.0, 2.0)) == Estimate(12.0, 2.0, 2.0)
    assert pace.pays(("cpu", 1))


def test_what_is_no_sooner_done_together_is_made_one_by_one() -> None:
    pace = BatchPace()
    end_batches(pace, 1.1, 2)
    assert pace.pays(("cpu", 1))  # too few to tell
    end_batches(pace, 1.1, 1)
    assert not pace.pays(("cpu", 1))
    assert pace.pays(("cpu", 2))
    assert pace.pays(("cuda:0", 1))


def test_a_batch_with_a_job_that_wasn_t_made_teaches_nothing() -> None:
    pace = BatchPace()
    for _ in range(3):
        pace.begin(["a", "b"], ("cpu", 1))
        assert pace.end("a", 9.0) == pace.end("b", None) == 2
    assert pace.end("c", 1.0) == 1
    assert pace.pays(("cpu", 1))
