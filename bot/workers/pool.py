"""The workers: one for each device, kept alive, fed from the queue.

A job in hand goes straight to the worker; what became of the last one is written meanwhile, so a
device never waits for the database or for Discord. What one device does is
``bot.workers.supervisor``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bot.workers.backend import WorkerBackend
from bot.workers.supervisor import DeviceReport, DeviceSupervisor, WatchdogSettings
from bot.workers.work import Work
from generator.contract.worker_settings import WorkerSettings


class Pool:
    """The devices' supervisors, started and stopped by ``run_pool``."""

    def __init__(
        self,
        devices: Sequence[WorkerSettings],
        work: Work,
        backend: WorkerBackend,
        watchdog: WatchdogSettings | None = None,
    ) -> None:
        self._work = work
        watchdog = watchdog or WatchdogSettings()
        self._devices = [
            DeviceSupervisor(settings, work, backend, watchdog, self._report_state)
            for settings in devices
        ]

    def __len__(self) -> int:
        return len(self._devices)

    @property
    def pids(self) -> list[int]:
        """The ids of this machine's processes that are alive."""
        return [device.pid for device in self._devices if device.pid is not None]

    def reports(self) -> list[DeviceReport]:
        """Return what each device is doing."""
        return [device.report() for device in self._devices]

    def cancel(self, job_id: str, attempt: int) -> None:
        """Tell every worker to stop this attempt; those that have other work ignore it."""
        for device in self._devices:
            device.cancel(job_id, attempt)

    async def serve(self) -> None:
        """Keep all devices at work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for device in self._devices:
                group.create_task(device.serve(), name=f"device {device.name}")

    async def drain(self) -> None:
        """Hand out nothing more; return when everything in hand is made."""
        await asyncio.gather(*(device.drain() for device in self._devices))

    def _report_state(self) -> None:
        """Report failures: only when the last device is down does the service refuse work."""
        failures = [(device.name, device.failure) for device in self._devices if device.failure]
        if len(failures) < len(self._devices):
            if any(device.report().state in ("idle", "busy") for device in self._devices):
                for name, failure in failures:
                    self._work.worker_unavailable(name, failure)
            return  # else the others may only be starting, and be no better
        _, failure = failures[0]
        if all(device.has_failed for device in self._devices):
            self._work.all_workers_failed(failure)
        else:
            self._work.all_workers_unavailable(failure)


@asynccontextmanager
async def run_pool(pool: Pool) -> AsyncIterator[asyncio.Task[None]]:
    """Serve inside, stop every process on the way out; the task ends only by a bug."""
    serving = asyncio.create_task(pool.serve(), name="pool")
    try:
        yield serving
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
