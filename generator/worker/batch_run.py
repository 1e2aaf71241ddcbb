"""Jobs that are the same but for their seeds, computed together in a worker.

Each has its own fate: its events, its file, its end. What is made together and fails as a whole,
such as for want of memory, is made once more, one job after the other.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from generator.contract.failures import failure_of
from generator.worker.engine import BatchEngine, Engine
from generator.worker.job_run import JobRun
from generator.worker.pace import Pace

logger = logging.getLogger(__name__)


def run_jobs(runs: Sequence[JobRun], engine: Engine, pace: Pace) -> None:
    """Have jobs computed, together where there are several and the engine can; else in order."""
    if len(runs) > 1 and isinstance(engine, BatchEngine):
        _run_together(runs, engine, pace)
    for run in runs:
        run.run(engine)


def _run_together(runs: Sequence[JobRun], engine: BatchEngine, pace: Pace) -> None:
    """Have jobs computed together; those that aren't, since something failed, are left to do."""
    shared = pace.together()
    begun = [run for run in runs if run.begin(shared)]
    try:
        if len(begun) > 1:
            engine.generate_together([run.engine_job() for run in begun])
    except Exception as error:  # noqa: BLE001 - each job alone says what is wrong with it
        logger.warning(
            "%d jobs couldn't be computed together (%s); making one after the other",
            len(begun),
            failure_of(error),
        )
    for run in begun:
        run.leave_batch(pace)
