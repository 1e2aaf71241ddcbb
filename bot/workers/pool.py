"""The workers: one for each device, kept alive, fed from the queue.

A job in hand goes straight to the worker; what became of the last one is written meanwhile, so a
device never waits for the database or for Discord. Workers on hosts elsewhere come and go while it
serves. What one device does is ``bot.workers.supervisor``'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from bot.workers.backend import WorkerBackend
from bot.workers.device_report import DeviceReport
from bot.workers.supervisor import DeviceSupervisor
from bot.workers.watchdog import WatchdogSettings
from bot.workers.work import Work
from generator.contract.errors import Failure, FailureKind
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
        self._watchdog = watchdog or WatchdogSettings()
        self._devices: list[DeviceSupervisor] = []
        self._group: asyncio.TaskGroup | None = None  # while it serves
        self._serving: dict[DeviceSupervisor, asyncio.Task[None]] = {}
        self._is_draining = False
        self._is_elastic = False
        for settings in devices:
            self._add(settings, backend)

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

    def allow_none(self) -> None:
        """Take it for no trouble that there is no worker: others may come at any time."""
        self._is_elastic = True
        self._work.workers_may_come()

    def add(self, settings: WorkerSettings, backend: WorkerBackend) -> None:
        """Take in a worker that came, under the name that ``settings.device`` is."""
        if not self._is_draining:
            self._serve(self._add(settings, backend))

    def remove(self, name: str) -> None:
        """Forget a worker that is gone for now, and that has no job in hand."""
        for device in [each for each in self._devices if each.device == name]:
            self._devices.remove(device)
            task = self._serving.pop(device, None)
            if task is not None:
                task.cancel()
            self._work.worker_removed(device.key)

    def stop_feeding(self, name: str) -> None:
        """Give a worker that is about to leave no further job."""
        for device in self._devices:
            if device.device == name:
                device.stop_feeding()

    async def restart(self, name: str, *, at_once: bool) -> bool:
        """Have a worker started anew, by its key or device; False where there is none of that."""
        found = [each for each in self._devices if name == each.key]
        found = found or [each for each in self._devices if name == each.name]
        await asyncio.gather(*(device.restart(at_once=at_once) for device in found))
        return bool(found)

    async def serve(self) -> None:
        """Keep all devices at work until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            for device in self._devices:
                self._serve(device)
            await asyncio.Event().wait()

    async def drain(self) -> None:
        """Hand out nothing more; return when everything in hand is made."""
        self._is_draining = True
        await asyncio.gather(*(device.drain() for device in self._devices))

    def _add(self, settings: WorkerSettings, backend: WorkerBackend) -> DeviceSupervisor:
        number = 1 + sum(each.device == settings.device for each in self._devices)
        key = settings.device if number == 1 else f"{settings.device} ({number})"
        device = DeviceSupervisor(
            settings, self._work, backend, self._watchdog, self._report_state, key=key
        )
        self._devices.append(device)
        return device

    def _serve(self, device: DeviceSupervisor) -> None:
        if self._group is not None:
            name = f"device {device.name}"
            self._serving[device] = self._group.create_task(device.serve(), name=name)

    def _report_state(self) -> None:
        """Report failures: only when the last device is down does the service refuse work."""
        failures = [
            (device.key, device.failure)
            for device in self._devices
            if device.failure and not self._is_only_away(device.failure)
        ]
        if len(failures) < len(self._devices):
            if any(device.report().state in ("idle", "busy") for device in self._devices):
                for key, failure in failures:
                    self._work.worker_unavailable(key, failure)
            return  # else the others may only be starting, and be no better
        _, failure = failures[0]
        if all(device.has_failed for device in self._devices) and not self._is_elastic:
            self._work.all_workers_failed(failure)
        else:
            self._work.all_workers_unavailable(failure)

    def _is_only_away(self, failure: Failure) -> bool:
        """Return whether a worker's host is away, where hosts come and go."""
        return self._is_elastic and failure.kind is FailureKind.LOST_HOST


@asynccontextmanager
async def run_pool(pool: Pool) -> AsyncIterator[asyncio.Task[None]]:
    """Serve inside, stop every process on the way out; the task ends only by a bug."""
    serving = asyncio.create_task(pool.serve(), name="pool")
    try:
        yield serving
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
