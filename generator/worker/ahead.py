"""Has an engine begin on the job that waits, once the one before it is only decoded and written.

Sooner would take from that one; later, the engine would wait for what could have been done.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from generator.contract.failures import failure_of
from generator.contract.messages import Generate
from generator.worker.engine import Engine, PreparingEngine
from generator.worker.inbox import WorkerJob

logger = logging.getLogger(__name__)


class Ahead:
    """Knows which jobs wait, and whether the engine has time; called from both threads.

    ``files`` is where files are that requests name by their hash.
    """

    def __init__(self, files: Path) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._engine: PreparingEngine | None = None
        self._waiting: list[WorkerJob] = []
        self._has_time = False

    def serve(self, engine: Engine) -> None:
        """Have this engine prepare jobs, if it can."""
        self._engine = engine if isinstance(engine, PreparingEngine) else None

    def job_came(self, job: WorkerJob) -> None:
        """Note that a job waits, maybe behind others."""
        with self._lock:
            self._waiting.append(job)
            self._prepare()

    def job_begins(self, job: WorkerJob) -> None:
        """Note that the engine is about to be at a job; from here on it has no time for others."""
        with self._lock:
            self._has_time = False
            self._waiting = [other for other in self._waiting if other is not job]

    def job_denoised(self, job: WorkerJob) -> None:
        """Note that the engine only decodes this job any more.

        One that is made once more is left alone: the last time, the worker may have died of it, or
        of what was prepared beside it.
        """
        with self._lock:
            self._has_time = job.attempt == 1
            self._prepare()

    def _prepare(self) -> None:
        """Have the first job that waits prepared, once."""
        if self._engine is None or not self._has_time or not self._waiting:
            return
        self._has_time = False
        job = self._waiting[0]
        if not isinstance(job, Generate):
            return
        try:
            located = job.request.with_files_at(lambda reference: reference.path_in(self._files))
            self._engine.prepare(located)
        except Exception as error:  # noqa: BLE001 - it is said when the job's turn has come
            logger.info("a job that waits can't be prepared (%s)", failure_of(error))
