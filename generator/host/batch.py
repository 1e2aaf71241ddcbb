"""Jobs that a worker on a GPU host computes together: it is handed them at once, or not at all.

A worker that was told of companions waits for them. Here one may be cancelled, or its files may
fail to come, before its worker has heard of it; so the worker hears of those that are left, once
that is known of all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from generator.contract.messages import Generate

SendJob = Callable[[Generate], None]


class Batch:
    """``size`` jobs, which ``send`` hands to their worker; one that is alone is a batch as well."""

    def __init__(self, size: int, send: SendJob) -> None:
        self._left = size  # of which it isn't known yet whether they can be made
        self._send = send
        self._ready: list[Generate] = []

    def hand_over(self, job: Generate) -> None:
        """Note that a job can be made: its files are there."""
        self._ready.append(job)
        self.leave_out()

    def leave_out(self) -> None:
        """Note that of one job more it is known what becomes of it."""
        self._left -= 1
        if self._left == 0:
            jobs = sorted(self._ready, key=lambda job: -job.companions)  # as the bot has them
            for number, job in enumerate(jobs, start=1):
                self._send(replace(job, companions=len(jobs) - number))


class BatchDesk:
    """Tells by the order in which jobs come which of them are a batch."""

    def __init__(self) -> None:
        self._batch: Batch | None = None
        self._missing = 0  # jobs of it that are still to come

    def batch_of(self, job: Generate, send: SendJob) -> Batch:
        """Return the batch of a job that comes now."""
        if self._batch is None or not self._missing:
            self._batch, self._missing = Batch(job.companions + 1, send), job.companions + 1
        self._missing -= 1
        return self._batch

    def leave_out(self) -> None:
        """Note that a job came which can't be read; a batch that waits for it goes without."""
        if self._batch is not None and self._missing:
            self._missing -= 1
            self._batch.leave_out()

    def clear(self) -> None:
        """Wait for no more jobs: whoever would say them is gone."""
        self._batch, self._missing = None, 0
