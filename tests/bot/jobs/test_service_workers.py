"""What the job service makes of workers that load, and of those that are ready."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bot.jobs.cost_history import CostHistory
from bot.storage.models import State
from generator.contract.errors import Failure, FailureKind
from generator.contract.messages import Failed
from generator.contract.text import Text
from tests.bot.jobs.rig import JobRig
from tests.bot.jobs.samples import ABLE, REQUEST
from tests.patience import PATIENCE


async def test_a_model_that_loads_is_said_and_its_time_is_learnt(rig: JobRig) -> None:
    rig.jobs.worker_loading("cpu")
    job = await rig.accept()
    status = rig.jobs.status(job.id)
    assert status is not None
    assert (status.is_loading, status.loading_seconds_left) == (True, None)
    rig.jobs.worker_ready("cpu", ABLE)
    await rig.jobs.wait_until_idle()
    status = rig.jobs.status(job.id)
    assert status is not None
    assert not status.is_loading
    cost_history = await CostHistory.load(rig.database, "nano")
    assert cost_history.loading_seconds("cpu") is not None
    assert cost_history.estimate(REQUEST) is None  # no job of this model was made yet
    rig.jobs.worker_loading("cpu")
    status = rig.jobs.status(job.id)
    assert status is not None
    assert status.loading_seconds_left is not None


async def test_one_worker_that_is_ready_is_enough(rig: JobRig) -> None:
    rig.jobs.worker_loading("cuda:0")
    rig.jobs.worker_loading("cuda:1")
    rig.jobs.worker_ready("cuda:1", ABLE)
    job = await rig.accept()
    status = rig.jobs.status(job.id)
    assert status is not None
    assert not status.is_loading


async def test_a_job_that_its_host_has_no_room_for_is_made_on_another(rig: JobRig) -> None:
    """Else it would be given to that host, or to another card of it, again and again."""
    full = Failure(FailureKind.HOST_FULL, Text("Its disk is full."), is_retryable=True)
    home, rack = (replace(ABLE, device=f"{host}.cuda0") for host in ("home", "rack"))
    rig.jobs.worker_ready("home.cuda0", home)
    rig.jobs.worker_ready("rack.cuda0", rack)
    job = await rig.accept()
    ticket = await rig.jobs.next_ticket(home)
    beside = asyncio.create_task(rig.jobs.next_ticket(replace(home, device="home.cuda1")))
    begun = await rig.jobs.start_job(ticket, "home.cuda0")
    assert begun is not None
    rig.jobs.job_ended(begun[0], Failed(job.id, 1, full))
    async with asyncio.timeout(PATIENCE):
        again = await rig.jobs.next_ticket(rack)
    assert (again.job_id, beside.done()) == (job.id, False)
    beside.cancel()
    begun = await rig.jobs.start_job(again, "rack.cuda0")
    assert begun is not None
    rig.jobs.job_ended(begun[0], Failed(job.id, 2, full))
    failed = await rig.until(job, State.FAILED)
    assert (failed.error, failed.attempt, failed.crashes) == ("Its disk is full.", 2, 0)


async def test_a_job_that_waits_for_another_host_says_so(rig: JobRig) -> None:
    full = Failure(FailureKind.HOST_FULL, Text("Its disk is full."), is_retryable=True)
    home, rack = (replace(ABLE, device=f"{host}.cuda0") for host in ("home", "rack"))
    rig.jobs.workers_may_come()
    rig.jobs.worker_ready("home.cuda0", home)
    rig.jobs.worker_ready("rack.cuda0", rack)
    job = await rig.accept()
    begun = await rig.jobs.start_job(await rig.jobs.next_ticket(home), "home.cuda0")
    assert begun is not None
    rig.jobs.job_ended(begun[0], Failed(job.id, 1, full))
    await rig.until(job, State.QUEUED)
    rig.jobs.worker_removed("rack.cuda0")
    status = rig.jobs.status(job.id)
    assert status is not None
    assert str(status.unavailable_reason) == "No other GPU host that could make this is connected."
