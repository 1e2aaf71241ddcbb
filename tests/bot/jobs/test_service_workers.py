"""What the job service makes of workers that load, and of those that are ready."""

from __future__ import annotations

from bot.jobs.cost_history import CostHistory
from tests.bot.jobs.rig import JobRig
from tests.bot.jobs.samples import ABLE, REQUEST


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
