"""Puts GPU hosts elsewhere together with the pool, where ``[remote]`` asks for them.

What the extra brings is imported here and only then: a bot without hosts needs none of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from bot.core.config import Settings
from bot.workers.host_report import HostReport
from bot.workers.pool import Pool
from generator.contract.extras import REMOTE_MODULES, require_modules
from generator.contract.worker_settings import WorkerSettings


@dataclass(frozen=True, slots=True)
class GpuHosts:
    """Hosts elsewhere: ``hearing`` ends only with an error; ``reports`` says how each stands."""

    hearing: asyncio.Task[None]
    reports: Callable[[], Sequence[HostReport]]


def reports_of(hosts: GpuHosts | None) -> Callable[[], Sequence[HostReport]]:
    """Return what says how the hosts stand; of none where there are to be none."""
    return hosts.reports if hosts else list


def check_gpu_hosts(settings: Settings) -> None:
    """See that what ``[remote]`` needs is installed. Raises MissingExtraError, BrokerError."""
    if not settings.remote.is_used:
        return
    require_modules(*REMOTE_MODULES)
    from bot.broker.server import find_server

    if settings.remote.listen:
        find_server(settings.remote.server)


@asynccontextmanager
async def open_gpu_hosts(
    settings: Settings, pool: Pool, template: WorkerSettings
) -> AsyncIterator[GpuHosts | None]:
    """Let workers of hosts elsewhere into the pool while inside; None where there are to be none.

    ``template`` has a worker's settings but for its device. Raises BrokerError.
    """
    if not settings.remote.is_used:
        yield None
        return
    from bot.broker.broker import open_broker
    from bot.workers.remote.hub import FleetCallbacks, RemoteHub, run_hub
    from bot.workers.remote.reports import host_reports

    def come(name: str) -> None:
        pool.add(replace(template, device=name), hub)

    pool.allow_none()
    async with open_broker(settings.remote, settings.storage.data_dir) as broker:
        hub = RemoteHub(
            broker.connect,
            files=settings.storage.blobs,
            scratch=settings.storage.scratch,
            fleet=FleetCallbacks(come=come, drain=pool.stop_feeding, go=pool.remove),
            may_come=broker.may_come,
            suspend=broker.suspend,
        )
        broker.set_removed_callback(hub.remove)
        async with run_hub(hub) as hearing:
            yield GpuHosts(hearing, lambda: host_reports(hub.workers(), broker.hosts))
